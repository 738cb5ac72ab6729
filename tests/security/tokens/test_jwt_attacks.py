"""Forged JWTs at both processes; tests/app/http/test_access_control.py has the simpler ones."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.sync.client import connect

from app.api.boards.final_table import signed_table
from app.contest.final_tables import DOCUMENT_TYPE
from tests.security.tokens.forged_jwts import (
    Claims,
    but,
    by_hmac,
    claims_of,
    display_claims,
    encoded,
    header_of,
    other_key,
    public_pem,
    server_key,
    signed,
    unsigned,
)
from tests.support.api_requests import Api, refused
from tests.support.broadcaster.frames import UPGRADE
from tests.support.service_acts import OPERATOR, create_board
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

Forge = Callable[[Claims, str], str]
"""Makes a token from the claims of a valid one and its key id."""

NOW = int(time.time())
OWN = public_pem(server_key())
OTHER_JWK = {
    "kty": "RSA",
    "e": "AQAB",
    "n": encoded(other_key().public_key().public_numbers().n.to_bytes(256, "big")),
}
DEEP = encoded(b'{"kid":' + b"[" * 2000)
WEB = "https://evil.example/jwks.json"


def named(kid: Any) -> Forge:
    """Signed by the attacker's key, with a `kid` that should lead the verifier to it."""
    return lambda claims, _: signed(claims, {"kid": kid}, other_key())


def pointed(**header: Any) -> Forge:
    """Signed by the attacker's key, which the header contains or points to."""
    return lambda claims, kid: signed(claims, {"kid": kid} | header, other_key())


def confused(secret: bytes) -> Forge:
    return lambda claims, kid: by_hmac(claims, {"kid": kid}, secret)


def bare(alg: Any) -> Forge:
    return lambda claims, kid: unsigned(claims, {"kid": kid, "alg": alg})


def ours(**changes: Any) -> Forge:
    """Signed by the server's key, with invalid claims."""
    return lambda claims, kid: signed(but(claims, **changes), {"kid": kid})


ALGORITHMS: tuple[Any, ...] = ("none", "None", "NONE", "nOnE", "", None, [], {}, 1)
FORGERIES: dict[str, Forge] = {
    **{f"alg {alg}": bare(alg) for alg in ALGORITHMS},
    "the public key in PEM as HMAC secret": confused(OWN.encode()),
    "the public key without its last line end": confused(OWN.strip().encode()),
    "the public key in DER as HMAC secret": confused(
        base64.b64decode("".join(OWN.splitlines()[1:-1]))
    ),
    "an empty HMAC secret": confused(b""),
    "another key": pointed(),
    "the signature of another key's JWK": pointed(jwk=OTHER_JWK),
    "a JWK set at an address": pointed(jku=WEB),
    "a certificate at an address": pointed(x5u=WEB),
    "a certificate chain": pointed(x5c=["MIIB"]),
    "an extension that has to be understood": lambda claims, kid: signed(
        claims, {"kid": kid, "crit": ["exp"], "b64": False}
    ),
    "a kid that is a path": named("../../../../dev/null"),
    "a kid that is a URL": named(WEB),
    "a kid that is SQL": named("x' UNION SELECT 'secret' --"),
    "a kid that is a command": named("|/bin/sleep 9"),
    "a kid with a NUL": named("\0"),
    "a kid that is a list": named(["x"]),
    "a kid that is an object": named({"$ne": None}),
    "a kid that is long": named("k" * 3000),
    "a header nested without end": lambda claims, _: f"{DEEP}.{encoded(claims)}.AAAA",
    "claims nested without end": lambda _, kid: (
        f"{encoded({'alg': 'RS256', 'kid': kid})}.{DEEP}.AAAA"
    ),
    "no header": lambda claims, _: f".{encoded(claims)}.AAAA",
    "a header that is a list": lambda claims, _: f"{encoded(b'[]')}.{encoded(claims)}.AAAA",
    "five parts, as if encrypted": lambda claims, kid: signed(claims, {"kid": kid}) + ".AAAA.AAAA",
    "not yet valid": ours(nbf=NOW + 3600),
    "issued in the future": ours(iat=NOW + 3600),
    "expired": ours(exp=NOW - 60),
    "an end that is no time": ours(exp=float("inf")),
    "an end that is no number": ours(exp=[]),
    "an issuer beside ours": ours(iss=["live-scoreboard", "evil"]),
    "another audience": ours(aud="live-scoreboard-admin"),
    "no audience": ours(aud=None),
    "another type": ours(typ="admin"),
    "a document of ours with the claims of a token": lambda claims, kid: signed(
        claims, {"kid": kid, "typ": DOCUMENT_TYPE}
    ),
    "no type in the header": lambda claims, kid: signed(claims, {"kid": kid, "typ": None}),
    "types in a list": ours(typ=["access", "refresh", "display"]),
    "a subject with a line end": ours(sub="9058f3b5-329b-444d-a70e-d16ecd49bddd\n"),
    "a display token that was not issued": lambda claims, kid: signed(
        display_claims(claims), {"kid": kid}
    ),
}


def refused_everywhere(api: Api, broadcaster: Api, token: str) -> None:
    """Assert that every call refuses the token with 401, in whichever way it is sent."""
    refused(api.get("/api/users/me", token=token), 401, "AUTH_INVALID")
    refused(api.post("/api/actions/token", token=token), 401, "AUTH_INVALID")
    refused(api.post("/api/auth/refresh", {"refreshToken": token}), 401, "AUTH_INVALID")
    for reply in (
        broadcaster.get("/ws", token=token, headers=UPGRADE),
        broadcaster.get("/ws", params={"token": token}, headers=UPGRADE),
        broadcaster.get("/ws", headers=UPGRADE | {"Sec-WebSocket-Protocol": f"bearer, {token}"}),
    ):
        assert (reply.status_code, reply.json()["code"]) == (401, "AUTH_INVALID")


def signed_tables(system: SystemHarness) -> tuple[str, str]:
    """The final table of a new board as signed JSON and CSV."""
    key = f"final-{secrets.token_hex(4)}"
    with services_in(system.environment()) as services:
        create_board(services, key)
        services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
        services.reveals.finalize(OPERATOR, key)
        table = services.final_tables.read(key, None, None)
        signer = services.table_signer
        return signed_table(signer, table, "json"), signed_table(signer, table, "csv")


def test_a_signed_table_is_no_token_anywhere(
    running_system: SystemHarness, api: Api, broadcaster: Api, player: Player
) -> None:
    action = player.ask_token()
    for table in signed_tables(running_system):
        refused_everywhere(api, broadcaster, table)
        refused(api.post("/api/auth/logout", token=table), 401, "AUTH_INVALID")
        refused(api.get("/api/admin/boards/main/reveal", token=table), 401, "AUTH_INVALID")
        body = {"actionToken": action}
        refused(api.post("/api/scores/increment", body, token=table), 401, "AUTH_INVALID")
        scores: dict[str, Any] = {"scores": [{}]}
        refused(api.post("/api/service/scores", scores, token=table), 401, "SERVICE_KEY_INVALID")
        spent = api.post("/api/scores/increment", {"actionToken": table}, token=player.access_token)
        refused(spent, 400, "TOKEN_INVALID")
        headers = {"Authorization": f"Bearer {player.access_token}"}
        with connect(running_system.websocket_url, additional_headers=headers) as viewer:
            viewer.send(json.dumps({"type": "auth", "token": table}))
            events = [json.loads(viewer.recv(10)) for _ in range(3)]
        assert events[-1]["event"] == "error", events
    assert player.spend(action).status_code == 200


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_token_is_refused_everywhere(
    api: Api, broadcaster: Api, player: Player, what: str
) -> None:
    access = player.access_token
    refused_everywhere(
        api, broadcaster, FORGERIES[what](claims_of(access), header_of(access)["kid"])
    )
    assert player.call("GET", "/users/me").status_code == 200


def test_a_truncated_token_is_refused(api: Api, player: Player) -> None:
    token = player.access_token
    for length in range(1, len(token), 23):
        refused(api.get("/api/users/me", token=token[:length]), 401, "AUTH_INVALID")


def test_a_changed_byte_of_the_signature_is_refused(api: Api, player: Player) -> None:
    message, _, signature = player.access_token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    for position in range(0, len(raw), 17):
        changed = raw.copy()
        changed[position] ^= 1
        forged = f"{message}.{encoded(bytes(changed))}"
        refused(api.get("/api/users/me", token=forged), 401, "AUTH_INVALID")


def test_a_token_of_a_megabyte_is_refused_before_it_is_read(
    api: Api, broadcaster: Api, player: Player
) -> None:
    endless = player.access_token + "A" * 2**20
    long_header = (
        f"GET /api/users/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {endless}\r\n\r\n"
    )
    assert b" 431 " in api.exchange(long_header.encode()).partition(b"\r\n")[0]
    refused(api.post("/api/auth/refresh", {"refreshToken": endless}), 413, "PAYLOAD_TOO_LARGE")
    for head in (
        f"GET /ws?token={endless} HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET /ws HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {endless}\r\n\r\n",
    ):
        status_line = broadcaster.exchange(head.encode()).partition(b"\r\n")[0]
        # The server may close before it has received everything, and then its reply is lost.
        assert status_line in {
            b"",
            b"HTTP/1.1 414 Request URI Too Long",
            b"HTTP/1.1 400 Bad Request",
        }
    assert broadcaster.get("/health").status_code == 200


def test_each_type_of_token_has_one_purpose(api: Api, player: Player) -> None:
    access, refresh = player.access_token, player.refresh_token
    refused(api.post("/api/auth/refresh", {"refreshToken": access}), 401, "AUTH_INVALID")
    for method, path in (("GET", "/api/users/me"), ("POST", "/api/auth/logout")):
        refused(api.call(method, path, token=refresh), 401, "AUTH_INVALID")
    # The refused calls did not end the session.
    assert api.post("/api/auth/refresh", {"refreshToken": refresh}).status_code == 200


def test_a_logout_invalidates_both_tokens_at_both_processes(
    api: Api, broadcaster: Api, player: Player
) -> None:
    assert player.call("POST", "/auth/logout").status_code == 204
    refused(player.call("GET", "/users/me"), 401, "SESSION_REVOKED")
    refused(player.call("POST", "/actions/token"), 401, "SESSION_REVOKED")
    refreshing = api.post("/api/auth/refresh", {"refreshToken": player.refresh_token})
    refused(refreshing, 401, "SESSION_REVOKED")
    reply = broadcaster.get("/ws", token=player.access_token, headers=UPGRADE)
    assert reply.json()["code"] == "SESSION_REVOKED"
