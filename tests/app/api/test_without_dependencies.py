"""What the API still answers, and how soon, while Redis or PostgreSQL is killed or paused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.api_requests import Api, refused
from tests.support.faults.outage_harness import (
    BREAKER_SECONDS,
    RECOVERY_SECONDS,
    OutageHarness,
    outage_harness,
)
from tests.support.system.player import PASSWORD, Player
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 2.0
CACHE_SECONDS = 5.5
UNREACHABLE = 'id="board-empty" data-state="unreachable">'


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutageHarness]:
    # Enough threads that no request waits for a thread.
    with outage_harness(tmp_path_factory.mktemp, WEB_THREADS="16") as made:
        yield made


killed_or_paused = pytest.mark.parametrize("outage", ["killed", "paused"])


class Calls:
    """Every call of the API, prepared before the outage."""

    def __init__(self, harness: OutageHarness) -> None:
        api = harness.api
        self.url = api.url
        # Otherwise a worker could show its cached board, without the point below.
        await_true(harness.subscribed, RECOVERY_SECONDS)
        self.player = api.register()
        self.player.score_point()
        self.token = self.player.ask_token()
        self.leaving = api.register()
        self.newcomer = {"username": f"new_{self.player.username[-8:]}", "password": PASSWORD}

    def make(self, *names: str) -> dict[str, requests.Response]:
        """Make these calls concurrently; none may take longer than promised."""

        def timed(name: str) -> tuple[requests.Response, float]:
            started_at = time.monotonic()
            reply = self._calls()[name]()
            return reply, time.monotonic() - started_at

        with ThreadPoolExecutor(len(names)) as pool:
            answered = dict(zip(names, pool.map(timed, names), strict=True))
        late = {name: taken for name, (_, taken) in answered.items() if taken > PROMISED_SECONDS}
        assert not late
        return {name: reply for name, (reply, _) in answered.items()}

    def _calls(self) -> dict[str, Callable[[], requests.Response]]:
        # A new connection for each call, so that several workers answer.
        api = Api(self.url)
        access = self.player.access_token
        passwords = {"oldPassword": PASSWORD, "newPassword": f"{PASSWORD}!"}
        return {
            "leaderboard": lambda: api.get("/api/leaderboard"),
            "around-me": lambda: api.get("/api/leaderboard/around-me", token=access),
            "jwks": lambda: api.get("/.well-known/jwks.json"),
            "openapi": lambda: api.get("/openapi.json"),
            "page": lambda: api.get("/"),
            "health": lambda: api.get("/api/health"),
            "me": lambda: api.get("/api/users/me", token=access),
            "register": lambda: api.post("/api/auth/register", self.newcomer),
            "login": lambda: api.log_in(self.player.username),
            "refresh": lambda: api.post(
                "/api/auth/refresh", {"refreshToken": self.player.refresh_token}
            ),
            "password": lambda: api.post("/api/auth/password", passwords, token=access),
            "token": lambda: api.post("/api/actions/token", token=access),
            "increment": lambda: self.player.spend(self.token),
            "logout": lambda: api.post("/api/auth/logout", token=self.leaving.access_token),
        }


NEED_REDIS = ("register", "login", "refresh", "token", "increment")


def rows(reply: requests.Response) -> dict[str, int]:
    """Score by user."""
    return {row["userId"]: row["score"] for row in reply.json()["leaderboard"]}


@killed_or_paused
def test_without_redis_reads_use_postgresql_and_other_calls_get_503(
    harness: OutageHarness, outage: str
) -> None:
    calls = Calls(harness)
    player = calls.player
    with harness.without(harness.valkey, outage):
        for _ in range(2):
            time.sleep(BREAKER_SECONDS)
            replies = calls.make(
                "leaderboard", "around-me", "jwks", "openapi", "page", "health", "me", *NEED_REDIS
            )
            for name in NEED_REDIS:
                refused(replies[name], 503, "REDIS_UNAVAILABLE")
            for name in ("leaderboard", "around-me"):
                assert rows(replies[name])[player.user_id] == 1
            assert replies["me"].json()["score"] == 1
            assert replies["me"].json()["rank"] >= 1
            assert replies["jwks"].json()["keys"]
            assert replies["openapi"].ok
            assert replies["page"].ok
            assert player.username in replies["page"].text
            assert_unhealthy(replies["health"], redis="error" if outage == "killed" else "timeout")
    assert_recovered(calls)


@killed_or_paused
def test_a_logout_without_redis_ends_the_session_for_good(
    harness: OutageHarness, outage: str
) -> None:
    calls = Calls(harness)
    with harness.without(harness.valkey, outage):
        time.sleep(BREAKER_SECONDS)
        assert calls.make("logout")["logout"].status_code == 204
        time.sleep(BREAKER_SECONDS)
        refused(calls.make("logout")["logout"], 401, "SESSION_REVOKED")
    # Redis may come back with an active session; the reconciler then corrects it.
    await_true(
        lambda: calls.leaving.call("POST", "/actions/token").status_code == 401, RECOVERY_SECONDS
    )


@killed_or_paused
def test_without_postgresql_cached_data_is_served_and_other_calls_get_db_error(
    harness: OutageHarness, outage: str
) -> None:
    calls = Calls(harness)
    harness.await_pass()
    shown = rows(requests.get(f"{harness.api.url}/api/leaderboard", timeout=5))
    with harness.without(harness.postgres, outage):
        cached = calls.make("leaderboard", "jwks", "openapi", "page", "token", "health")
        assert rows(cached["leaderboard"]) == shown
        assert all(reply.ok for name, reply in cached.items() if name != "health")
        assert calls.player.username in cached["page"].text
        assert_unhealthy(cached["health"], database="error" if outage == "killed" else "timeout")
        time.sleep(CACHE_SECONDS)
        page = calls.make("page")["page"]
        assert page.ok
        assert UNREACHABLE in page.text
        need = ("leaderboard", "around-me", "me", "register", "login", "refresh", "password")
        for name, reply in calls.make(*need, "increment", "logout").items():
            body = refused(reply, 500, "DB_ERROR")
            assert body["error"] == "Database error", name
    assert_recovered(calls)


def test_with_both_stores_paused_every_call_is_answered_in_time(harness: OutageHarness) -> None:
    calls = Calls(harness)
    # Until no process has the board in memory.
    time.sleep(CACHE_SECONDS)
    harness.valkey.pause()
    harness.postgres.pause()
    try:
        need = ("leaderboard", "around-me", "me", "password", "logout", "health", *NEED_REDIS)
        for _ in range(2):
            replies = calls.make(*need, "page")
            page = replies.pop("page")
            assert page.ok
            assert UNREACHABLE in page.text
            for name, reply in replies.items():
                assert reply.status_code in {500, 503}, name
            time.sleep(BREAKER_SECONDS)
    finally:
        harness.postgres.resume()
        harness.valkey.resume()
    await_true(harness.healthy, RECOVERY_SECONDS)
    time.sleep(BREAKER_SECONDS)
    assert_recovered(calls)


def assert_unhealthy(reply: requests.Response, **failing: str) -> None:
    """Assert a 503 with Retry-After that names the failed check and its result."""
    assert reply.status_code == 503
    assert "Retry-After" in reply.headers
    health = reply.json()
    assert health["status"] == "unhealthy"
    found = {name: health[name] for name in ("redis", "database")}
    assert found == {"redis": "ok", "database": "ok"} | failing


def assert_recovered(calls: Calls) -> None:
    """Assert that the outage left nothing incomplete, lost or in need of a restart."""
    player: Player = calls.player
    # It failed during the outage, so the name is still free.
    assert calls.make("register")["register"].status_code == 201
    spent = calls.make("increment")["increment"].json()
    # A paused PostgreSQL may have received the statement, and executes it once it resumes.
    assert spent.get("code") in (None, "TOKEN_USED")
    assert spent.get("details", spent)["newScore"] == 2
    assert calls.make("login")["login"].status_code == 200
    assert calls.make("refresh")["refresh"].status_code == 200
    version = player.score_point()["boardVersion"]
    assert version is not None
    board = Api(calls.url).get(f"/api/leaderboard?limit=100&minVersion={version}")
    assert rows(board)[player.user_id] == 3
