"""What the API still answers while Redis or PostgreSQL is dead or frozen, and how soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.app.http.asking import Api, refused
from tests.app.http.place import (
    BREAKER_SECONDS,
    RECOVERY_SECONDS,
    Place,
    place_of_its_own,
    without,
)
from tests.awaiting import await_true
from tests.system.player import PASSWORD, Player

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 2.0
HEALTH_SECONDS = 1.5
"""Its checks have one second, whatever else the process is waiting for."""
CACHE_SECONDS = 5.5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    # So many threads that none of the calls made at once has to wait for another's.
    with place_of_its_own(tmp_path_factory.mktemp, WEB_THREADS="16") as made:
        yield made


either_way = pytest.mark.parametrize("how", ["killed", "paused"])


class Calls:
    """Every call of the API, ready to be made when it is too late to prepare anything."""

    def __init__(self, place: Place) -> None:
        system = place.system
        self.url = system.url
        # Else a process could go on showing the board of before for as long as it caches it.
        await_true(place.hears_of_changes, RECOVERY_SECONDS)
        self.player = system.register()
        self.player.score_point()
        self.token = self.player.ask_token()
        self.leaving = system.register()
        self.newcomer = {"username": f"new_{self.player.username[-8:]}", "password": PASSWORD}

    def ask(self, *names: str) -> dict[str, requests.Response]:
        """Make these calls all at once; none may take longer than promised."""

        def timed(name: str) -> tuple[requests.Response, float]:
            begun = time.monotonic()
            reply = self._calls()[name]()
            return reply, time.monotonic() - begun

        with ThreadPoolExecutor(len(names)) as pool:
            answered = dict(zip(names, pool.map(timed, names), strict=True))
        late = {
            name: taken
            for name, (_, taken) in answered.items()
            if taken > (HEALTH_SECONDS if name == "health" else PROMISED_SECONDS)
        }
        assert not late
        return {name: reply for name, (reply, _) in answered.items()}

    def _calls(self) -> dict[str, Callable[[], requests.Response]]:
        # A connection of its own for each, so that no worker process is asked for all.
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


@either_way
def test_without_redis_reads_go_on_from_postgresql_and_the_rest_says_503(
    place: Place, how: str
) -> None:
    calls = Calls(place)
    player = calls.player
    with without(place, place.valkey, how):
        for _ in range(2):
            time.sleep(BREAKER_SECONDS)
            replies = calls.ask(
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
            unhealthy(replies["health"], redis="error" if how == "killed" else "timeout")
    everything_works(calls)


@either_way
def test_without_redis_who_logs_out_is_out_and_stays_out(place: Place, how: str) -> None:
    calls = Calls(place)
    with without(place, place.valkey, how):
        time.sleep(BREAKER_SECONDS)
        assert calls.ask("logout")["logout"].status_code == 204
        time.sleep(BREAKER_SECONDS)
        refused(calls.ask("logout")["logout"], 401, "SESSION_REVOKED")
    # The repair pass tells Redis, which may have come back believing that the session stands.
    await_true(lambda: calls.leaving.call("POST", "/actions/token").status_code == 401, seconds=5)


@either_way
def test_without_postgresql_what_is_cached_is_served_and_the_rest_says_db_error(
    place: Place, how: str
) -> None:
    calls = Calls(place)
    shown = rows(requests.get(f"{place.system.url}/api/leaderboard", timeout=5))
    with without(place, place.postgres, how):
        cached = calls.ask("leaderboard", "jwks", "openapi", "page", "token", "health")
        assert rows(cached["leaderboard"]) == shown
        assert all(reply.ok for name, reply in cached.items() if name != "health")
        unhealthy(cached["health"], database="error" if how == "killed" else "timeout")
        time.sleep(CACHE_SECONDS)
        need = ("leaderboard", "around-me", "me", "register", "login", "refresh", "password")
        for name, reply in calls.ask(*need, "increment", "logout").items():
            body = refused(reply, 500, "DB_ERROR")
            assert body["error"] == "Database error", name
    everything_works(calls)


def unhealthy(reply: requests.Response, **failing: str) -> None:
    """A 503 that tells which check failed how, and to come again."""
    assert reply.status_code == 503
    assert "Retry-After" in reply.headers
    health = reply.json()
    assert health["status"] == "unhealthy"
    found = {name: health[name] for name in ("redis", "database")}
    assert found == {"redis": "ok", "database": "ok"} | failing


def everything_works(calls: Calls) -> None:
    """All is as if nothing had happened: nothing half done, nothing lost, nothing to restart."""
    player: Player = calls.player
    # Refused at the time, so its name was not taken.
    assert calls.ask("register")["register"].status_code == 201
    spent = calls.ask("increment")["increment"].json()
    # A PostgreSQL that was frozen may have got the statement, and counts it when it goes on.
    assert spent.get("code") in (None, "TOKEN_USED")
    assert spent.get("details", spent)["newScore"] == 2
    assert calls.ask("login")["login"].status_code == 200
    assert calls.ask("refresh")["refresh"].status_code == 200
    version = player.score_point()["boardVersion"]
    assert version is not None
    board = Api(calls.url).get(f"/api/leaderboard?limit=100&minVersion={version}")
    assert rows(board)[player.user_id] == 3
