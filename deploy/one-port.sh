#!/usr/bin/env bash
# Serves page, API and WebSocket on PORT, for hosts that route to one process. The broadcaster listens
# there and passes all other requests to the API, which listens on a port of this machine only. If one
# of the two ends, the other is stopped too, and the host starts both again.
set -u

: "${PORT:?set PORT to the port that the host routes to}"
api_port=$((PORT < 65535 ? PORT + 1 : PORT - 1))

stop() {
    kill -TERM "$api" "$broadcaster" 2>/dev/null
}

# The broadcaster is one more proxy in front of the API.
HOST=127.0.0.1 PORT=$api_port TRUSTED_PROXY_HOPS=$((${TRUSTED_PROXY_HOPS:-0} + 1)) \
    WEBSOCKET_URL=${WEBSOCKET_URL:-/ws} gunicorn wsgi:app &
api=$!
BROADCASTER_PORT=$PORT WEB_UPSTREAM=127.0.0.1:$api_port python -m broadcaster &
broadcaster=$!

stopped=""
trap 'stopped=yes; stop' TERM INT
wait -n
status=$?
[ -n "$stopped" ] || stop
wait
[ -n "$stopped" ] && exit 0
exit "$status"
