"""/metrics is for this machine and for requests with METRICS_TOKEN, also behind a proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.factory import create_app
from tests.security.test_admin_access import (
    FAR,
    FORWARDING_HEADERS,
    MALFORMED_HOSTS,
    NEAR,
    OTHER_HOSTS,
    OTHER_ORIGINS,
)
from tests.support.api_requests import Api
from tests.support.broadcaster.harness import running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.services import Services

pytestmark = pytest.mark.slow

TOKEN = "0123456789abcdef0123456789abcdef"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}

Ask = Callable[..., tuple[int, str | None]]


@pytest.fixture
def ask_api(make_services: Callable[..., Services]) -> Callable[..., Ask]:
    """Makes an API with these settings; the result requests its /metrics."""

    def make(**variables: str) -> Ask:
        client = create_app(make_services(**variables)).test_client()

        def ask(headers: dict[str, str], address: str = FAR) -> tuple[int, str | None]:
            reply = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
            body: Any = reply.get_json(silent=True) or {}
            assert ("scoreboard_" in reply.text) == (reply.status_code == 200)
            return reply.status_code, body.get("code")

        return ask

    return make


def test_without_a_token_metrics_are_only_for_this_machine(ask_api: Callable[..., Ask]) -> None:
    ask = ask_api()
    for address in (NEAR, "::1", "::ffff:127.0.0.1"):
        assert ask({}, address) == (200, None)
    for address in (FAR, "10.0.0.7", "2001:db8::1", ""):
        assert ask({}, address) == (403, "FORBIDDEN")
        assert ask(WITH_TOKEN, address) == (403, "FORBIDDEN")
    for name in FORWARDING_HEADERS:
        for value in (FAR, NEAR, ""):
            assert ask({name: value}, NEAR) == (403, "FORBIDDEN")
    for host in OTHER_HOSTS:
        assert ask({"Host": host}, NEAR) == (403, "FORBIDDEN")
    for host in MALFORMED_HOSTS:
        assert ask({"Host": host}, NEAR) == (400, "VALIDATION_ERROR")
    for origin in OTHER_ORIGINS:
        assert ask({"Origin": origin}, NEAR) == (403, "FORBIDDEN")


def test_other_machines_need_the_metrics_token(
    ask_api: Callable[..., Ask],
) -> None:
    assert ask_api(METRICS_TOKEN=TOKEN)({}, NEAR) == (200, None)
    ask = ask_api(METRICS_TOKEN=TOKEN, TRUSTED_PROXY_HOPS="1")
    assert ask({}, NEAR) == (401, "AUTH_REQUIRED")
    for headers in ({}, {"X-Forwarded-For": FAR}, {"Host": "board.example"}):
        assert ask(headers | WITH_TOKEN) == (200, None)
        assert ask(headers) == (401, "AUTH_REQUIRED")
        for wrong in (TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "", "é", TOKEN + " " + TOKEN):
            assert ask(headers | {"Authorization": f"Bearer {wrong}"}) == (401, "AUTH_INVALID")
        assert ask(headers | {"Authorization": f"Basic {TOKEN}"}) == (401, "AUTH_INVALID")


@pytest.fixture(scope="module")
def protected_broadcaster(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A broadcaster with METRICS_TOKEN."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with running_broadcaster(
            stores, tmp_path_factory.mktemp("log"), METRICS_TOKEN=TOKEN
        ) as running:
            yield Api(running.url)


def test_the_broadcaster_requires_the_metrics_token_too(protected_broadcaster: Api) -> None:
    assert "scoreboard_" in protected_broadcaster.get("/metrics").text
    others = [{name: FAR} for name in FORWARDING_HEADERS] + [{"Host": "evil.example"}]
    for through in others:
        assert protected_broadcaster.get("/metrics", headers=through).status_code == 401
        assert (
            "scoreboard_"
            in protected_broadcaster.get("/metrics", headers=through | WITH_TOKEN).text
        )
        wrong = {"Authorization": "Bearer x"}
        assert protected_broadcaster.get("/metrics", headers=through | wrong).status_code == 401


def test_a_broadcaster_without_a_token_refuses_other_machines(broadcaster: Api) -> None:
    for headers in ({"X-Forwarded-For": FAR}, {"Host": "evil.example"}, {"Origin": "null"}):
        reply = broadcaster.get("/metrics", headers=headers | WITH_TOKEN)
        assert (reply.status_code, reply.json()["code"]) == (403, "FORBIDDEN")
