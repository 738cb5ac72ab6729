"""Rotated keys and bans: tokens at processes with different settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.audit.audited_change import Initiator
from app.scoring.action_tokens import ActionTokenCodec
from tests.security.tokens.forged_jwts import other_key, private_pem, public_pem, server_key
from tests.support.api_requests import Api, refused
from tests.support.broadcaster.frames import UPGRADE
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.environment import base_environment
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player
from tests.support.system.web_server import WebServer, web_server
from tools.secrets_file import new_secret

pytestmark = pytest.mark.slow

OLD_SECRET = base_environment()["ACTION_TOKEN_SECRET"]
DURING = {"JWT_PRIVATE_KEY": private_pem(other_key()), "JWT_PUBLIC_KEYS": public_pem(server_key())}
AFTER = {"JWT_PRIVATE_KEY": private_pem(other_key()), "ACTION_TOKEN_SECRET": new_secret()}


class Rotation:
    """A deployment before, during and after its key is changed: processes over one database."""

    def __init__(self, stores: Stores, folder: Path, stack: ExitStack) -> None:
        def web(variables: dict[str, str]) -> WebServer:
            of_one = SystemHarness(stores, folder, variables=variables | {"WEB_WORKERS": "1"})
            return stack.enter_context(web_server(of_one, folder, WEB_WORKERS="1"))

        self.before, self.during, self.after = web({}), web(DURING), web(AFTER)
        self.viewing: BroadcasterHarness = stack.enter_context(
            running_broadcaster(stores, folder, **AFTER)
        )


@pytest.fixture(scope="module")
def rotation(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rotation]:
    with redis_server(tmp_path_factory.mktemp("valkey")) as server, ExitStack() as stack:
        stores = Stores(postgres.create(), server.url)
        yield Rotation(stores, tmp_path_factory.mktemp("logs"), stack)


def me(server: WebServer, token: str) -> int:
    return Api(server.url).get("/api/users/me", token=token).status_code


BANNED = {"bannedAt", "until", "reason"}
"""The details of USER_BANNED."""


def test_the_old_key_is_accepted_until_it_is_removed(rotation: Rotation) -> None:
    player = Player.register(rotation.before.url)
    old = player.access_token
    assert [me(server, old) for server in (rotation.before, rotation.during)] == [200, 200]
    refused(Api(rotation.after.url).get("/api/users/me", token=old), 401, "AUTH_INVALID")
    reply = Api(rotation.viewing.url).get("/ws", token=old, headers=UPGRADE)
    assert (reply.status_code, reply.json()["code"]) == (401, "AUTH_INVALID")
    # The session survives the rotation: its refresh token gets an access token of the new key.
    body = {"refreshToken": player.refresh_token}
    new = Api(rotation.during.url).post("/api/auth/refresh", body).json()["accessToken"]
    assert [me(server, new) for server in (rotation.during, rotation.after)] == [200, 200]
    refused(Api(rotation.before.url).get("/api/users/me", token=new), 401, "AUTH_INVALID")


def test_the_published_keys_are_exactly_the_accepted_ones(rotation: Rotation) -> None:
    numbers = [
        len(Api(server.url).get("/.well-known/jwks.json").json()["keys"])
        for server in (rotation.before, rotation.during, rotation.after)
    ]
    assert numbers == [1, 2, 1]
    for server in (rotation.before, rotation.during, rotation.after):
        for key in Api(server.url).get("/.well-known/jwks.json").json()["keys"]:
            # Without the private parts of a key (RFC 7518, section 6.3.2).
            assert key.keys() == {"kty", "n", "e", "kid", "alg", "use"}


def test_an_action_token_signed_by_another_secret_is_invalid(rotation: Rotation) -> None:
    player = Player.register(rotation.during.url)
    token = player.ask_token()
    ActionTokenCodec(OLD_SECRET.encode()).decode(token, player.user_id)
    refused(player.spend(token, url=rotation.after.url), 400, "TOKEN_INVALID")
    assert player.spend(token, url=rotation.during.url).json()["newScore"] == 1
    # A spent token does not reveal its result at a server with another secret either.
    refused(player.spend(token, url=rotation.after.url), 400, "TOKEN_INVALID")


def test_a_ban_invalidates_every_token_at_every_process(rotation: Rotation) -> None:
    player = Player.register(rotation.during.url)
    action = player.ask_token()
    rotation.viewing.services.moderation.ban(Initiator("test", "because"), player.user_id)
    for server in (rotation.during, rotation.before):
        api = Api(server.url)
        with_password = api.log_in(player.username, PASSWORD)
        refreshing = api.post("/api/auth/refresh", {"refreshToken": player.refresh_token})
        if server is rotation.during:
            refused(with_password, 403, "USER_BANNED", BANNED)
            refused(refreshing, 403, "USER_BANNED", BANNED)
            refused(api.get("/api/users/me", token=player.access_token), 403, "USER_BANNED", BANNED)
            refused(player.spend(action, url=server.url), 403, "USER_BANNED", BANNED)
        else:
            refused(with_password, 403, "USER_BANNED", BANNED)
            refused(refreshing, 401, "AUTH_INVALID")
