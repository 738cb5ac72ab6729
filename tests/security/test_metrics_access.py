"""/metrics tells this machine, and who has the token; nobody else, through no proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.composition import Services
from app.factory import create_app
from tests.app.http.asking import Api
from tests.broadcaster.stage import broadcaster_on
from tests.security.test_admin_access import FAR, NEAR, PROXIES_ADD
from tests.servers import DatabaseServer, Stores, redis_server

pytestmark = pytest.mark.slow

TOKEN = "0123456789abcdef0123456789abcdef"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}

Ask = Callable[..., tuple[int, str | None]]


@pytest.fixture
def ask_api(make_services: Callable[..., Services]) -> Callable[..., Ask]:
    """Makes an API with these settings, of which to ask /metrics."""

    def make(**variables: str) -> Ask:
        client = create_app(make_services(**variables)).test_client()

        def ask(headers: dict[str, str], address: str = FAR) -> tuple[int, str | None]:
            reply = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
            told: Any = reply.get_json(silent=True) or {}
            assert ("scoreboard_" in reply.text) == (reply.status_code == 200)
            return reply.status_code, told.get("code")

        return ask

    return make


@pytest.mark.parametrize("hops", ["0", "1"])
def test_without_a_token_it_is_for_this_machine_alone(
    ask_api: Callable[..., Ask], hops: str
) -> None:
    ask = ask_api(TRUSTED_PROXY_HOPS=hops)
    for address in (NEAR, "::1", "::ffff:127.0.0.1"):
        assert ask({}, address) == (200, None)
    for address in (FAR, "10.0.0.7", "2001:db8::1", ""):
        assert ask({}, address) == (403, "FORBIDDEN")
        assert ask(SHOWN, address) == (403, "FORBIDDEN")
    for name in PROXIES_ADD:
        for said in (FAR, NEAR, ""):
            assert ask({name: said}, NEAR) == (403, "FORBIDDEN")


def test_with_the_token_and_with_no_other_it_is_open_from_elsewhere(
    ask_api: Callable[..., Ask],
) -> None:
    ask = ask_api(METRICS_TOKEN=TOKEN, TRUSTED_PROXY_HOPS="1")
    assert ask({}, NEAR) == (200, None)
    for headers in ({}, {"X-Forwarded-For": FAR}):
        assert ask(headers | SHOWN) == (200, None)
        assert ask(headers) == (401, "AUTH_REQUIRED")
        for wrong in (TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "", "é", TOKEN + " " + TOKEN):
            assert ask(headers | {"Authorization": f"Bearer {wrong}"}) == (401, "AUTH_INVALID")
        assert ask(headers | {"Authorization": f"Basic {TOKEN}"}) == (401, "AUTH_INVALID")


@pytest.fixture(scope="module")
def broadcasting(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A broadcaster with a token, on its port over the network."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with broadcaster_on(stores, tmp_path_factory.mktemp("log"), METRICS_TOKEN=TOKEN) as stage:
            yield Api(stage.url)


def test_the_broadcaster_keeps_it_the_same_way(broadcasting: Api) -> None:
    assert "scoreboard_" in broadcasting.get("/metrics").text
    for name in PROXIES_ADD:
        through = {name: FAR}
        assert broadcasting.get("/metrics", headers=through).status_code == 401
        assert "scoreboard_" in broadcasting.get("/metrics", headers=through | SHOWN).text
        wrong = {"Authorization": "Bearer x"}
        assert broadcasting.get("/metrics", headers=through | wrong).status_code == 401


def test_the_broadcaster_of_no_token_is_closed_to_others(broadcaster: Api) -> None:
    reply = broadcaster.get("/metrics", headers={"X-Forwarded-For": FAR} | SHOWN)
    assert (reply.status_code, reply.json()["code"]) == (403, "FORBIDDEN")
