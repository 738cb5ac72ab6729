"""A ban takes effect everywhere within a second, and an unban undoes it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import requests

from app.accounts import user_rows
from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.errors import UserBanned
from app.ledger import action_rows
from tests.support.players import Person
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness, free_ports
from tests.support.system.player import PASSWORD, Player
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
ACT = Initiator("test", "because")


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """Two API processes and two broadcasters."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("logs")
        with SystemHarness(stores, logs, web_processes=2, broadcasters=2) as running:
            yield running


@pytest.fixture
def moderator(system: SystemHarness) -> Iterator[Services]:
    """The services of an operator's command."""
    with services_in(system.environment()) as services:
        yield services


@pytest.fixture
def cut_off_moderator(system: SystemHarness) -> Iterator[Services]:
    """The services of an operator's command that reaches PostgreSQL but not Redis."""
    (port,) = free_ports(1)
    variables = {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with services_in(system.environment() | variables) as services:
        yield services


def board_users(url: str) -> set[str]:
    """The ids of the users on the board of that API process."""
    board = requests.get(f"{url}/api/leaderboard", timeout=5).json()
    return {row["userId"] for row in board["leaderboard"]}


def leader(system: SystemHarness) -> Player:
    """A player with the highest score."""
    player = system.register(f"Leader {secrets.token_hex(2)}")
    top = requests.get(f"{system.url}/api/leaderboard?limit=1", timeout=5).json()["leaderboard"]
    for _ in range(1 + max((row["score"] for row in top), default=0)):
        player.score_point()
    return player


def refused(player: Player, url: str) -> bool:
    """Whether that API process refuses access and refresh tokens because of the ban."""
    at_url = Player(url, player.username, player.user_id, player.access_token, player.refresh_token)
    replies = [
        at_url.call("GET", "/users/me"),
        at_url.call("POST", "/actions/token"),
        at_url.call("POST", "/scores/increment", json={"not": "readable"}),
        at_url.call("POST", "/auth/refresh", json={"refreshToken": player.refresh_token}),
    ]
    return all((r.status_code, r.json()["code"]) == (403, "USER_BANNED") for r in replies)


def shows(screen: ViewerClient, player: Player) -> bool:
    """Whether the player is on the latest board of the viewer."""
    board = screen.boards[-1]["leaderboard"] if screen.boards else []
    return player.user_id in {row["userId"] for row in board}


def seconds_until(limit: float) -> float:
    """Seconds until that monotonic time."""
    return limit - time.monotonic()


def test_a_ban_reaches_tokens_caches_index_boards_and_sockets_within_a_second(
    system: SystemHarness, moderator: Services
) -> None:
    player, viewer = leader(system), system.register()
    token = player.ask_token()
    with ExitStack() as stack:
        screens, own_screens = (
            [
                stack.enter_context(ViewerClient(url, user.access_token))
                for url in system.websocket_urls
            ]
            for user in (viewer, player)
        )
        await_true(lambda: all(player.user_id in board_users(url) for url in system.urls), 10)
        await_true(lambda: all(shows(screen, player) for screen in screens), 10)
        moderator.moderation.ban(ACT, player.user_id)
        limit = time.monotonic() + 1
        await_true(lambda: [own.closed_with for own in own_screens] == [4403, 4403], 1)
        await_true(
            lambda: not any(shows(screen, player) for screen in screens), seconds_until(limit)
        )
        for url in system.urls:
            await_true(lambda: player.user_id not in board_users(url), seconds_until(limit))  # noqa: B023
            assert refused(player, url)
    assert moderator.redis.zscore(keys.INDEX_SCORES, player.user_id) is None
    assert player.spend(token).json()["code"] == "USER_BANNED"


def test_a_logout_closes_the_sockets_on_every_broadcaster_within_a_second(
    system: SystemHarness,
) -> None:
    player = system.register()
    with ExitStack() as stack:
        screens = [
            stack.enter_context(ViewerClient(url, player.access_token))
            for url in system.websocket_urls
        ]
        await_true(lambda: all(screen.boards for screen in screens), 5)
        assert player.call("POST", "/auth/logout").status_code == 204
        await_true(lambda: [screen.closed_with for screen in screens] == [4401, 4401], 1)


def test_after_an_unban_the_player_logs_in_again_and_has_the_old_score(
    system: SystemHarness, moderator: Services
) -> None:
    player = leader(system)
    score = player.call("GET", "/users/me").json()["score"]
    moderator.moderation.ban(ACT, player.user_id)
    moderator.moderation.unban(ACT, player.user_id)
    await_true(lambda: all(player.user_id in board_users(url) for url in system.urls), 5)
    assert player.call("GET", "/users/me").json()["code"] == "SESSION_REVOKED"
    body = {"username": player.username, "password": PASSWORD}
    login = requests.post(f"{system.url}/api/auth/login", json=body, timeout=5).json()
    player.access_token = login["accessToken"]
    me = player.call("GET", "/users/me").json()
    assert (me["score"], me["rank"], me["status"]) == (score, 1, "active")
    assert player.score_point()["newScore"] == score + 1


def test_a_timed_ban_ends_and_the_player_is_on_the_board_within_five_seconds(
    system: SystemHarness, moderator: Services
) -> None:
    player, viewer = leader(system), system.register()
    with ViewerClient(system.websocket_url, viewer.access_token) as screen:
        await_true(lambda: shows(screen, player), 10)
        until = datetime.now(UTC) + timedelta(seconds=2)
        moderator.moderation.ban(ACT, player.user_id, until)
        await_true(lambda: not shows(screen, player), 1)
        await_true(lambda: datetime.now(UTC) > until, 5)
        await_true(lambda: shows(screen, player), 5)
        await_true(lambda: all(player.user_id in board_users(url) for url in system.urls), 5)


def test_a_ban_without_redis_stops_increments_and_is_published_later(
    system: SystemHarness, cut_off_moderator: Services
) -> None:
    player = leader(system)
    score = player.call("GET", "/users/me").json()["score"]
    token = player.ask_token()
    with ViewerClient(system.websocket_url, player.access_token) as own_screen:
        cut_off_moderator.moderation.ban(ACT, player.user_id)
        assert player.spend(token).json()["code"] == "USER_BANNED"
        await_true(lambda: player.user_id not in board_users(system.urls[1]), 5)
        await_true(lambda: own_screen.closed_with == 4403, 5)
    await_true(lambda: all(refused(player, url) for url in system.urls), 5)
    with cut_off_moderator.database.reading() as connection:
        assert user_rows.find(connection, player.user_id).score == score  # type: ignore[union-attr]
        assert action_rows.wrong_sums(connection) == []


def test_a_ban_during_50_increments_always_removes_the_player_from_the_board(
    make_services: Callable[..., Services],
) -> None:
    # One thread and one connection for each increment, so that all 50 run at the same time.
    here, there = (make_services(WEB_THREADS="50") for _ in range(2))
    here.reconciler.run_pass()
    for run in range(100):
        person = Person.register(here)
        person.score()
        tokens = [person.token() for _ in range(50)]

        def spend(number: int, person: Person = person, tokens: list[str] = tokens) -> bool:
            services = (here, there)[number % 2]
            try:
                services.scoring.increment(person.identity, tokens[number])
            except UserBanned:
                return False
            return True

        with ThreadPoolExecutor(51) as pool:
            spent = [pool.submit(spend, number) for number in range(25)]
            banned = pool.submit(there.moderation.ban, ACT, person.user_id)
            spent += [pool.submit(spend, number) for number in range(25, 50)]
            banned.result()
            counted = 1 + sum(future.result() for future in spent)
        assert here.redis.zscore(keys.INDEX_SCORES, person.user_id) is None, f"run {run}"
        assert here.leaderboard.around(person.user_id, 1).rows == ()
        with here.database.reading() as connection:
            user = user_rows.find(connection, person.user_id)
        assert user is not None
        assert user.score == counted
    assert here.ledger_check.verify().sound
