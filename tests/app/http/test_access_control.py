"""The Authorization header: its notations, and altered tokens."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.api_requests import Api, but_request_id, refused
from tests.support.environment import base_environment
from tests.support.system.player import Player

CALLS = (
    ("GET", "/api/users/me"),
    ("GET", "/api/leaderboard/around-me"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/password"),
    ("POST", "/api/actions/token"),
    ("POST", "/api/scores/increment"),
)


@cache
def server_key() -> Any:
    return load_pem_private_key(base_environment()["JWT_PRIVATE_KEY"].encode(), None)


def made(player: Player, **changes: Any) -> str:
    """The player's access token with other claims, signed by the server's key.

    None removes a claim; `key`, `kid` and `algorithm` change the signature.
    """
    key = changes.pop("key", None) or server_key()
    algorithm = changes.pop("algorithm", "RS256")
    kid = changes.pop("kid", jwt.get_unverified_header(player.access_token)["kid"])
    claims = jwt.decode(player.access_token, options={"verify_signature": False}) | changes
    present = {name: value for name, value in claims.items() if value is not None}
    headers = None if kid is None else {"kid": kid}
    return jwt.encode(present, key, algorithm=algorithm, headers=headers)


def by_public_key(player: Player) -> str:
    """A token signed by HS256 with the public key as its secret."""
    number = server_key().public_key().public_numbers().n
    secret = base64.urlsafe_b64encode(number.to_bytes(256, "big"))
    return made(player, key=secret, algorithm="HS256")


def unsigned(player: Player) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    return f"{header.decode().rstrip('=')}.{player.access_token.split('.')[1]}."


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_private_call_without_credentials_is_refused(api: Api, method: str, path: str) -> None:
    refused(api.call(method, path), 401, "AUTH_REQUIRED")
    refused(api.call(method, path, headers={"Authorization": ""}), 401, "AUTH_REQUIRED")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_private_call_refuses_an_invalid_token(api: Api, method: str, path: str) -> None:
    refused(api.call(method, path, token="x.y.z"), 401, "AUTH_INVALID")


@pytest.mark.parametrize(
    "written", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer  {}", "Bearer {} "]
)
def test_the_scheme_is_accepted_in_any_letter_case(api: Api, player: Player, written: str) -> None:
    header = {"Authorization": written.format(player.access_token)}
    assert api.get("/api/users/me", headers=header).status_code == 200


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        "Bearer",
        "Basic {}",
        "Bearer{}",
        "Bearer\t{}",
        "Token {}",
        "Bearer {0} {0}",
        "Bearer {0}, Bearer {0}",
        'Bearer "{}"',
        "Bearer {}é",
        "Bearer {}x",
    ],
)
def test_other_notations_of_the_header_are_refused(api: Api, player: Player, written: str) -> None:
    header = {"Authorization": written.format(player.access_token).encode()}
    refused(api.get("/api/users/me", headers=header), 401, "AUTH_INVALID")


def test_a_token_outside_the_authorization_header_is_ignored(api: Api, player: Player) -> None:
    token = player.access_token
    cookies = {"access_token": token, "Authorization": f"Bearer {token}"}
    reply = api.get(f"/api/users/me?token={token}&access_token={token}", cookies=cookies)
    refused(reply, 401, "AUTH_REQUIRED")


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        by_public_key,
        lambda player: made(player, key=rsa.generate_private_key(65537, 2048)),
        lambda player: made(player, algorithm="RS512"),
        lambda player: made(player, algorithm="PS256"),
        lambda player: made(player, kid=None),
        lambda player: made(player, kid="unknown"),
        lambda player: made(player, iss="another"),
        lambda player: made(player, aud="another"),
        lambda player: made(player, typ="refresh"),
        lambda player: made(player, typ=None),
        *(
            lambda player, name=name: made(player, **{name: None})
            for name in ("iss", "aud", "sub", "sid", "jti", "iat", "exp")
        ),
        lambda player: made(player, sid=17),
        lambda player: made(player, exp="never"),
        lambda player: made(player, iat=int(time.time()) + 3600),
        lambda player: made(player, sid=str(uuid.uuid4())),
        lambda player: made(player, sub=str(uuid.uuid4())),
        lambda player: player.access_token[:-20],
        lambda player: player.access_token.rpartition(".")[0] + ".",
    ],
)
def test_an_altered_token_is_refused_without_a_reason(
    api: Api, player: Player, forge: Callable[[Player], str]
) -> None:
    reply = api.get("/api/users/me", token=forge(player))
    refused(reply, 401, "AUTH_INVALID")
    assert but_request_id(reply) == but_request_id(api.get("/api/users/me", token="x.y.z"))


@pytest.mark.parametrize("claim", ["sub", "sid"])
@pytest.mark.parametrize("value", ["", "x", "\0", "' OR 1=1 --", "é", "{}"])
def test_invalid_ids_are_refused_even_if_signed(
    api: Api, player: Player, claim: str, value: str
) -> None:
    token = made(player, **{claim: value})
    refused(api.get("/api/users/me", token=token), 401, "AUTH_INVALID")
    refused(api.post("/api/actions/token", token=token), 401, "AUTH_INVALID")


def test_a_token_is_refused_as_expired_after_a_leeway_of_ten_seconds(
    api: Api, player: Player
) -> None:
    now = int(time.time())
    assert api.get("/api/users/me", token=made(player, exp=now - 5)).status_code == 200
    reply = api.get("/api/users/me", token=made(player, exp=now - 12))
    assert "expired" in refused(reply, 401, "AUTH_INVALID")["message"]
