"""The board in the page's reply: from the board's caches, and never kept longer than the board."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from app.boards.boards import Boards
from app.contract.errors import DatabaseUnavailable
from app.factory import create_app
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, create_board
from tests.support.services import Services

NAME = re.compile(r'<bdi class="name"[^>]*>([^<]+)</bdi>')
BOARD = re.compile(r'<script type="application/json" id="first-board">(.*?)</script>')
EMPTY = 'id="board-empty" data-state="waiting">'

pytestmark = pytest.mark.slow


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


@pytest.mark.parametrize("path", ["/", "/?display"])
def test_the_page_has_the_rows_and_the_board_of_the_api(
    services: Services, client: FlaskClient, path: str
) -> None:
    for points in (1, 2, 2):
        Person.register(services, f"Player {points}").score(points)
    page, api = client.get(path).text, client.get("/api/leaderboard").get_json()
    assert NAME.findall(page) == ["Player 2", "Player 2", "Player 1"]
    board = json.loads(BOARD.findall(page)[0])
    assert {name: board[name] for name in ("version", "updatedAt", "leaderboard")} == {
        name: api[name] for name in ("version", "updatedAt", "leaderboard")
    }
    assert EMPTY not in page


def test_a_page_without_points_says_so(client: FlaskClient) -> None:
    page = client.get("/").text
    assert NAME.findall(page) == []
    assert EMPTY in page


def test_a_page_calls_to_play_only_on_a_board_that_takes_points_of_players(
    services: Services, client: FlaskClient
) -> None:
    create_board(services, "quiz")
    for key in ("taps", "over"):
        create_board(services, key, scored_by="players", min_points=1, max_points=1)
    services.boards.edit(OPERATOR, "over", times={"closes_at": "now"})

    def calls(board: str) -> tuple[bool, bool, bool]:
        page = client.get(f"/?board={board}").text
        if 'data-contest="closed"' in page:
            # contest/clock.css hides these elements then.
            page = re.sub(r'<(\w+)[^>]* class="[^"]*while-open[^>]*>[^<]*</\1>', "", page)
        texts = ("Log in to play<", "Create an account to play<", ">The organiser gives the points")
        return texts[0] in page, texts[1] in page, texts[2] in page

    assert calls("main") == calls("taps") == (True, True, False)
    assert calls("quiz") == (False, False, True)
    assert calls("over") == (False, False, False)


def test_a_name_full_of_html_is_escaped_in_the_rows_and_in_the_board(
    services: Services, client: FlaskClient
) -> None:
    name = "</script><script>alert('1')</script>&amp;\"><!--{{7*7}}"
    Person.register(services, name).score()
    page = client.get("/").text
    assert [unescape(shown) for shown in NAME.findall(page)] == [name]
    assert json.loads(BOARD.findall(page)[0])["leaderboard"][0]["displayName"] == name
    assert "alert('1')" not in page
    assert "</script><script>" not in page


def test_a_page_is_sent_again_only_if_the_board_changed(
    services: Services, client: FlaskClient
) -> None:
    player = Person.register(services)
    player.score()
    first = client.get("/", headers={"Accept-Encoding": "br"})
    assert first.headers["Cache-Control"] == "no-cache"
    known = {"Accept-Encoding": "br", "If-None-Match": first.headers["ETag"]}
    assert client.get("/", headers=known).status_code == 304
    assert client.get("/", headers=known | {"Accept-Language": "de"}).status_code == 200
    player.score()
    assert client.get("/", headers=known).status_code == 200


def test_pages_are_not_limited_and_read_the_board_from_the_memory_of_the_process(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(READ_LIMIT="1 per hour")
    client = create_app(services).test_client()
    Person.register(services).score()
    assert client.get("/").status_code == 200
    before = reads("redis") + reads("database"), reads("process")
    for _ in range(10):
        assert client.get("/").status_code == 200
    assert (reads("redis") + reads("database"), reads("process")) == (before[0], before[1] + 10)
    assert [client.get("/api/leaderboard").status_code for _ in range(2)] == [200, 429]


def test_pages_that_read_postgresql_are_limited_as_reads_of_the_api(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(READ_LIMIT="2 per hour")
    client = create_app(services).test_client()
    create_board(services, periods=("week", "all"))

    def statuses(path: str, times: int = 1) -> list[int]:
        return [client.get(path).status_code for _ in range(times)]

    assert statuses("/?board=quiz", 5) == [200] * 5, "only the first one had to find the board"
    past = "/?board=quiz&period=week&at=2020-01-06"
    assert statuses(past, 2) == [200, 429]
    assert statuses("/?board=unknown") + statuses("/embed/unknown") == [429, 429]
    assert statuses("/?board=quiz") + statuses("/embed/quiz") + statuses("/") == [200] * 3


def test_without_postgresql_only_the_page_of_all_time_is_shown(client: FlaskClient) -> None:
    with patch.object(Boards, "find", side_effect=DatabaseUnavailable()):
        assert client.get("/?period=week").status_code == 500
        assert client.get("/").status_code == 200
    assert client.get("/?period=week").status_code == 404


def test_a_page_says_without_scripts_whether_its_board_is_frozen_or_final(
    services: Services, make_services: Callable[..., Services]
) -> None:
    def freeze() -> None:
        services.boards.edit(OPERATOR, "quiz", times={"freezes_at": "now"})

    def close() -> None:
        services.boards.edit(OPERATOR, "quiz", times={"closes_at": "now"})

    def finalize() -> None:
        services.reveals.finalize(OPERATOR, "quiz")

    def unfreeze() -> None:
        services.freezes.unfreeze(OPERATOR, "quiz")

    create_board(services)
    for change, state, meaning in (
        (freeze, "frozen", "Scores still count, but nobody sees them until the reveal."),
        (close, "closed", "Scores since the freeze are still hidden."),
        (finalize, "closed", "Scores since the freeze are still hidden."),
        (unfreeze, "final", "This is the result."),
    ):
        change()
        # Another process, because this one knows a board for a second.
        client = create_app(make_services()).test_client()
        for path in ("/?board=quiz", "/?display&board=quiz", "/embed/quiz"):
            page = client.get(path).text
            assert f'id="clock" data-state="{state}">' in page
            assert meaning in page
        assert 'id="clock"' not in client.get("/").text


def reads(level: str) -> float:
    """How often this level has answered a read of the board."""
    return REGISTRY.get_sample_value("scoreboard_board_reads_total", {"level": level}) or 0
