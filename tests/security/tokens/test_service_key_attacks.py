"""A service key opens no call for players, viewers or admins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.http.test_access_control import CALLS
from tests.support.api_client import ACT
from tests.support.api_requests import Api, but_request_id, refused
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.waiting import await_true

UNKNOWN = "sk_" + "0" * 32 + "_" + "0" * 64


@pytest.fixture(scope="module")
def service_key(running_system: SystemHarness) -> Iterator[str]:
    """A valid service key of the shared system."""
    with services_in(running_system.environment()) as services:
        yield services.service_keys.create(ACT, "judge", ["main"], None).text


def private_calls(api: Api) -> set[tuple[str, str]]:
    """Method and path of every documented call that needs an access token."""
    return {
        (method.upper(), path.replace("{user}", "ada").replace("{service_key}", "0" * 32))
        for path, methods in api.get("/openapi.json").json()["paths"].items()
        for method, operation in methods.items()
        if method != "parameters" and operation.get("security") == [{"accessToken": []}]
    }


def test_every_call_that_needs_an_access_token_refuses_a_service_key(
    api: Api, service_key: str
) -> None:
    calls = private_calls(api)
    assert calls >= {*CALLS, ("POST", "/api/admin/service-keys"), ("GET", "/api/admin/users")}
    for method, documented in calls:
        for path in (documented, documented.removeprefix("/api")):
            reply = api.call(method, path, token=service_key, json={})
            refused(reply, 401, "AUTH_INVALID")
            wrong = api.call(method, path, token="x.y.z", json={})
            assert but_request_id(reply) == but_request_id(wrong)


def test_public_reads_ignore_a_service_key(api: Api, service_key: str) -> None:
    for path in ("/api/leaderboard", "/api/leaderboard/history", "/api/health"):
        for key in (service_key, UNKNOWN, service_key[:-1]):
            assert api.get(path, token=key).status_code == 200


def test_a_service_key_can_not_be_refreshed(api: Api, service_key: str) -> None:
    refused(api.post("/api/auth/refresh", {"refreshToken": service_key}), 401, "AUTH_INVALID")


def test_a_service_key_does_not_open_the_websocket(
    running_system: SystemHarness, service_key: str
) -> None:
    broadcaster = Api(f"http://127.0.0.1:{running_system.broadcaster_port}")
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    for path, headers in (
        ("/ws", {"Authorization": f"Bearer {service_key}"}),
        ("/ws", {"Sec-WebSocket-Protocol": f"bearer, {service_key}"}),
        (f"/ws?token={service_key}", {}),
    ):
        refused(broadcaster.get(path, headers=upgrade | headers), 401, "AUTH_INVALID")


def test_no_log_line_has_a_key_wherever_a_client_puts_it(
    running_system: SystemHarness,
    api: Api,
    player: Player,
    service_key: str,
) -> None:
    secret = service_key.split("_")[2]
    for sent in (service_key, service_key.upper()):
        api.get(f"/api/leaderboard/{sent}?key={sent}", token=sent)
        api.get("/api/users/me", headers={"X-Request-Id": sent, "Cookie": f"key={sent}"})
        api.post("/api/auth/login", {"username": sent, "password": sent})
        api.post("/api/auth/refresh", {"refreshToken": sent, sent: sent})
        api.post("/api/scores/increment", {"actionToken": sent}, token=player.access_token)
    last = api.get("/api/leaderboard/the-last-path")
    refused(last, 404, "NOT_FOUND")
    request_id = last.headers["X-Request-Id"]
    await_true(lambda: request_id in running_system.log("web"), 20)
    log = running_system.log("web")
    assert secret not in log.lower()
    assert "/api/leaderboard/[redacted]" in log
