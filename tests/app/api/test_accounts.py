"""/auth and /users: the fields and statuses of each call, and how sessions end."""

from __future__ import annotations

import secrets
import uuid

import jwt
import pytest
from psycopg2 import extensions

from tests.support.api_requests import Api, but_request_id, refused
from tests.support.system.player import PASSWORD, Player

TOKENS = {"accessToken", "refreshToken", "tokenType", "expiresIn"}
NEW_PASSWORD = "a new horse battery"


def username() -> str:
    return f"p_{secrets.token_hex(6)}"


def claims_of(token: str) -> dict[str, object]:
    read: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return read


def test_register_replies_201_with_the_account_and_its_tokens(api: Api) -> None:
    name = username()
    body = {"username": name, "password": PASSWORD, "displayName": "Ada"}
    reply = api.post("/api/auth/register", body)
    assert reply.status_code == 201
    made = reply.json()
    assert set(made) == TOKENS | {"userId", "username", "displayName"}
    assert (made["username"], made["displayName"]) == (name, "Ada")
    assert str(uuid.UUID(made["userId"])) == made["userId"]
    assert (made["tokenType"], made["expiresIn"]) == ("Bearer", 900)


def test_tokens_have_the_claims_and_lifetimes_of_the_contract(api: Api) -> None:
    made = api.post("/api/auth/register", {"username": username(), "password": PASSWORD}).json()
    access, refresh = claims_of(made["accessToken"]), claims_of(made["refreshToken"])
    assert set(access) == set(refresh) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "typ"}
    assert access["sub"] == refresh["sub"] == made["userId"]
    assert (access["typ"], refresh["typ"]) == ("access", "refresh")
    assert access["jti"] != refresh["jti"]
    for token, seconds in ((access, 900), (refresh, 604_800)):
        assert int(str(token["exp"])) - int(str(token["iat"])) == seconds


def test_the_default_display_name_is_the_username(api: Api) -> None:
    name = username()
    made = api.post("/api/auth/register", {"username": name, "password": PASSWORD}).json()
    assert made["displayName"] == name


def test_a_username_is_taken_in_any_letter_case(api: Api, player: Player) -> None:
    body = {"username": player.username.upper(), "password": PASSWORD}
    refused(api.post("/api/auth/register", body), 409, "USERNAME_TAKEN")


def test_login_replies_200_with_user_id_and_tokens_and_stores_the_time(
    api: Api, player: Player, database: extensions.connection
) -> None:
    reply = api.log_in(player.username)
    assert reply.status_code == 200
    assert set(reply.json()) == TOKENS | {"userId"}
    assert reply.json()["userId"] == player.user_id
    query = "SELECT now() - last_login_at < interval '1 minute' FROM users WHERE id = %s"
    assert select(database, query, player.user_id) is True


def test_login_accepts_the_username_in_any_letter_case(api: Api, player: Player) -> None:
    assert api.log_in(player.username.upper()).status_code == 200


def test_unknown_user_and_wrong_password_get_the_same_reply(api: Api, player: Player) -> None:
    wrong, unknown = api.log_in(player.username, "wrong password"), api.log_in(username())
    refused(wrong, 401, "INVALID_CREDENTIALS")
    refused(unknown, 401, "INVALID_CREDENTIALS")
    assert but_request_id(wrong) == but_request_id(unknown)


def test_a_ban_is_revealed_only_after_the_right_password(
    api: Api, player: Player, database: extensions.connection
) -> None:
    query = "UPDATE users SET status = 'banned' WHERE id = %s RETURNING status"
    assert select(database, query, player.user_id) == "banned"
    refused(api.log_in(player.username, "wrong password"), 401, "INVALID_CREDENTIALS")
    refused(api.log_in(player.username), 403, "USER_BANNED")


def test_refresh_returns_a_new_pair_that_works(api: Api, player: Player) -> None:
    reply = api.post("/api/auth/refresh", {"refreshToken": player.refresh_token})
    assert reply.status_code == 200
    pair = reply.json()
    assert set(pair) == TOKENS
    assert api.get("/api/users/me", token=pair["accessToken"]).json()["userId"] == player.user_id
    again = api.post("/api/auth/refresh", {"refreshToken": pair["refreshToken"]})
    assert again.status_code == 200


def test_a_lost_answer_to_a_refresh_can_be_asked_for_again(api: Api, player: Player) -> None:
    old = {"refreshToken": player.refresh_token}
    # On new connections, so that several workers reply.
    pairs = [Api(api.url).post("/api/auth/refresh", old).json() for _ in range(6)]
    assert len({pair["refreshToken"] for pair in pairs}) == 1
    for pair in pairs:
        assert api.get("/api/users/me", token=pair["accessToken"]).status_code == 200


def test_a_refresh_token_used_after_its_grace_ends_the_whole_session(
    api: Api, player: Player, database: extensions.connection
) -> None:
    old = {"refreshToken": player.refresh_token}
    pair = api.post("/api/auth/refresh", old).json()
    query = (
        "UPDATE sessions SET refreshed_at = refreshed_at - interval '31 s'"
        " WHERE user_id = %s RETURNING refreshed_at IS NOT NULL"
    )
    assert select(database, query, player.user_id) is True
    refused(api.post("/api/auth/refresh", old), 401, "SESSION_REVOKED")
    for access in (player.access_token, pair["accessToken"]):
        refused(api.get("/api/users/me", token=access), 401, "SESSION_REVOKED")
    newest = {"refreshToken": pair["refreshToken"]}
    refused(api.post("/api/auth/refresh", newest), 401, "SESSION_REVOKED")


def test_neither_token_is_accepted_as_the_other_and_the_attempt_ends_no_session(
    api: Api, player: Player
) -> None:
    for _ in range(2):
        body = {"refreshToken": player.access_token}
        refused(api.post("/api/auth/refresh", body), 401, "AUTH_INVALID")
        refused(api.get("/api/users/me", token=player.refresh_token), 401, "AUTH_INVALID")
    assert player.call("GET", "/users/me").status_code == 200
    assert api.post("/api/auth/refresh", {"refreshToken": player.refresh_token}).status_code == 200


def test_a_logout_invalidates_the_sessions_tokens_at_once(api: Api, player: Player) -> None:
    token = player.ask_token()
    reply = player.call("POST", "/auth/logout")
    assert (reply.status_code, reply.content) == (204, b"")
    # On new connections, so that several workers reply.
    for _ in range(10):
        refused(
            Api(api.url).get("/api/users/me", token=player.access_token), 401, "SESSION_REVOKED"
        )
    refused(player.call("POST", "/actions/token"), 401, "SESSION_REVOKED")
    refused(player.spend(token), 401, "SESSION_REVOKED")
    refused(player.call("POST", "/auth/logout"), 401, "SESSION_REVOKED")
    body = {"refreshToken": player.refresh_token}
    refused(api.post("/api/auth/refresh", body), 401, "SESSION_REVOKED")


def test_logout_does_not_end_other_sessions(api: Api, player: Player) -> None:
    other = api.log_in(player.username).json()
    player.call("POST", "/auth/logout")
    assert api.get("/api/users/me", token=other["accessToken"]).status_code == 200
    assert api.post("/api/auth/refresh", {"refreshToken": other["refreshToken"]}).status_code == 200


def test_a_password_change_ends_every_session_and_returns_a_new_pair(
    api: Api, player: Player
) -> None:
    other = api.log_in(player.username).json()
    body = {"oldPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    reply = player.call("POST", "/auth/password", json=body)
    assert reply.status_code == 200
    pair = reply.json()
    assert set(pair) == TOKENS
    for access in (other["accessToken"], player.access_token):
        refused(api.get("/api/users/me", token=access), 401, "SESSION_REVOKED")
    for refresh in (other["refreshToken"], player.refresh_token):
        ended = {"refreshToken": refresh}
        refused(api.post("/api/auth/refresh", ended), 401, "SESSION_REVOKED")
    assert api.get("/api/users/me", token=pair["accessToken"]).status_code == 200
    newest = {"refreshToken": pair["refreshToken"]}
    assert api.post("/api/auth/refresh", newest).status_code == 200
    refused(api.log_in(player.username), 401, "INVALID_CREDENTIALS")
    assert api.log_in(player.username, NEW_PASSWORD).status_code == 200


@pytest.mark.usefixtures("changes_nothing")
def test_a_password_change_needs_the_old_password(player: Player) -> None:
    body = {"oldPassword": "wrong password", "newPassword": NEW_PASSWORD}
    refused(player.call("POST", "/auth/password", json=body), 401, "INVALID_CREDENTIALS")


def test_me_shows_the_account_without_a_rank_before_the_first_point(player: Player) -> None:
    reply = player.call("GET", "/users/me")
    assert reply.status_code == 200
    assert reply.json() == {
        "userId": player.user_id,
        "username": player.username,
        "displayName": player.username,
        "score": 0,
        "rank": None,
        "role": "player",
        "status": "active",
        "flaggedUntil": None,
    }


def test_me_shows_the_rank_of_the_increments_reply(player: Player) -> None:
    outcome = player.score_point()
    me = player.call("GET", "/users/me").json()
    assert (me["score"], me["rank"]) == (1, outcome["newRank"])


def select(database: extensions.connection, query: str, user_id: str) -> object:
    """The one value that the query finds for the user."""
    with database.cursor() as cursor:
        cursor.execute(query, (user_id,))
        row = cursor.fetchone()
        return row[0] if row else None
