#!/bin/bash
# Walks one new user through a running system, with curl only:
#   tests/smoke.sh http://127.0.0.1:8000
# With a board and a service key of it, a server also reports scores of this user:
#   tests/smoke.sh http://127.0.0.1:8000 quiz-night sk_...
# Prints one line for each step. The first wrong answer is printed, and the exit status is 1.
set -u

if [ $# -ne 1 ] && [ $# -ne 3 ]; then
    echo "usage: $0 BASE_URL [BOARD SERVICE_KEY], for example $0 http://127.0.0.1:8000" >&2
    exit 2
fi
base=${1%/}
board=${2-}
service_key=${3-}
username="smoke-$$-$RANDOM$RANDOM"
password="smoke-$RANDOM-$RANDOM-$RANDOM"
bearer=""

fail() {
    printf 'FAIL  %s\n%s %s answered %s:\n%s\n' "$1" "$method" "$base$path" "$status" "$reply" >&2
    exit 1
}

# call NAME METHOD PATH EXPECTED_STATUS [JSON]: sets $reply; fails on any other status.
call() {
    name=$1 method=$2 path=$3
    local expected=$4 answer
    local options=(-sS --max-time 15 -X "$method" -w '\n%{http_code}')
    [ -n "$bearer" ] && options+=(-H "Authorization: Bearer $bearer")
    [ $# -eq 5 ] && options+=(-H 'Content-Type: application/json' -d "$5")
    answer=$(curl "${options[@]}" "$base$path" 2>&1)
    status=${answer##*$'\n'}
    reply=${answer%$'\n'*}
    [ "$status" = "$expected" ] || fail "$name: expected $expected"
}

# field KEY: sets $value to that field of $reply, a string or a number; fails if it is missing.
field() {
    [[ $reply =~ \"$1\":\ *\"?([^\",}]+) ]] || fail "$name: no $1 in the reply"
    value=${BASH_REMATCH[1]}
}

# expect KEY VALUE: fails unless that field of $reply has this value.
expect() {
    field "$1"
    [ "$value" = "$2" ] || fail "$name: $1 is $value, expected $2"
}

ok() {
    printf 'ok  %s %s\n' "$name" "$status"
}

credentials="{\"username\": \"$username\", \"password\": \"$password\"}"

call health GET /health 200
ok

call register POST /api/auth/register 201 "$credentials"
expect username "$username"
ok

call "wrong password" POST /api/auth/login 401 "{\"username\": \"$username\", \"password\": \"wrong-$password\"}"
expect code INVALID_CREDENTIALS
ok

call "no access token" POST /api/actions/token 401
expect code AUTH_REQUIRED
ok

call login POST /api/auth/login 200 "$credentials"
field accessToken
bearer=$value
ok

call me GET /api/users/me 200
expect username "$username"
expect score 0
ok

call token POST /api/actions/token 200
field actionToken
spend="{\"actionToken\": \"$value\"}"
ok

call increment POST /api/scores/increment 200 "$spend"
expect newScore 1
field newRank
field boardVersion
version=$value
ok

call "token used again" POST /api/scores/increment 400 "$spend"
expect code TOKEN_USED
ok

newest=""
[ "$version" = null ] || newest="&minVersion=$version"
call leaderboard GET "/api/leaderboard?limit=100$newest" 200
field version
[ "$version" = null ] || [ "$value" -ge "$version" ] ||
    fail "leaderboard: version $value is older than the increment's $version"
[[ $reply == *'"leaderboard"'* ]] || fail "leaderboard: no rows in the reply"
ok

# A new user is last, so on a long board the row isn't on the first page.
row="\"score\": *1[,}][^{]*\"username\": *\"$username\"|\"username\": *\"$username\"[^}]*\"score\": *1[,}]"
[[ $reply =~ $row ]] || call "own row" GET "/api/leaderboard/around-me?span=2" 200
name="own row"
[[ $reply =~ $row ]] || fail "own row: $username with score 1 is not on the board"
ok

bearer=""
call boards GET /api/boards/main 200
expect key main
ok

call "board main" GET "/api/boards/main/leaderboard" 200
expect board main
ok

call "no service key" POST /api/service/scores 401 '{"scores": []}'
expect code AUTH_REQUIRED
ok

if [ -n "$board" ]; then
    # A UUIDv7: the time in ms, then random digits.
    milliseconds=$(printf '%012x' "$(date +%s%3N)")
    act="${milliseconds:0:8}-${milliseconds:8}-7000-8000-$(printf '%04x%04x%04x' $RANDOM $RANDOM $RANDOM)"
    batch="{\"scores\": [{\"id\": \"$act\", \"username\": \"$username\", \"board\": \"$board\", \"points\": 1}]}"
    bearer=$service_key
    call "service score" POST /api/service/scores 200 "$batch"
    expect status counted
    expect score 1
    ok

    call "service score again" POST /api/service/scores 200 "$batch"
    expect status repeated
    ok

    bearer=""
    call "board $board" GET "/api/boards/$board/leaderboard?limit=100" 200
    expect board "$board"
    ok
fi

call search GET "/api/leaderboard/search?username=$username" 200
expect username "$username"
expect more false
ok

call "unknown path" GET /api/no-such-path 404
expect code NOT_FOUND
ok

echo "All steps passed at $base."
