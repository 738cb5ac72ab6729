"""/leaderboard: its pages, their order and ranks, and its queries."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from psycopg2 import extensions

from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

POINTS = (3, 2, 2, 1, 3, 1, 1, 2, 1, 3, 1, 2, 2)
"""Points of the players of these tests, in the order in which they score: many ties."""


@pytest.fixture(scope="module")
def scorers(running_system: SystemHarness) -> list[Player]:
    """More players than a page of ten, many with equal scores."""
    players = [running_system.register(f"Player {number}") for number in range(len(POINTS))]
    for player, points in zip(players, POINTS, strict=True):
        for _ in range(points):
            player.score_point()
    return players


@pytest.fixture
def expected_board(scorers: list[Player], database: extensions.connection) -> list[dict[str, Any]]:
    """The whole board, read from PostgreSQL and ranked here."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT id::text, username, display_name, score FROM users"
            " WHERE score > 0 AND status IN ('active', 'flagged')"
            " ORDER BY score DESC, reached_at, reached_action_id"
        )
        users = cursor.fetchall()
    scores = [score for *_, score in users]
    names = ("userId", "username", "displayName", "score")
    return [
        {
            "rank": 1 + sum(other > user[3] for other in scores),
            **dict(zip(names, user, strict=True)),
        }
        for user in users
    ]


def pages(api: Api, limit: int) -> list[dict[str, Any]]:
    """Every page of the board, read by following `next`."""
    found = [api.get(f"/api/leaderboard?limit={limit}").json()]
    while found[-1]["next"] is not None:
        assert len(found) < 10_000, "next is a cycle"
        after = {"limit": limit, "after": found[-1]["next"]}
        found.append(api.get("/api/leaderboard", params=after).json())
    return found


def test_the_board_has_version_time_rows_and_next(
    api: Api, expected_board: list[dict[str, Any]]
) -> None:
    reply = api.get("/api/leaderboard")
    assert reply.status_code == 200
    board = reply.json()
    assert set(board) == {"version", "updatedAt", "leaderboard", "next", "previous"}
    assert isinstance(board["version"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", board["updatedAt"])
    assert board["leaderboard"] == expected_board[:10]


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 100])
def test_pages_cover_each_player_once_in_order_with_competition_ranks(
    api: Api, expected_board: list[dict[str, Any]], limit: int
) -> None:
    found = pages(api, limit)
    assert [row for page in found for row in page["leaderboard"]] == expected_board
    assert all(len(page["leaderboard"]) == limit for page in found[:-1])
    assert 1 <= len(found[-1]["leaderboard"]) <= limit


def test_previous_leads_back_to_the_first_page(
    api: Api, expected_board: list[dict[str, Any]]
) -> None:
    down = pages(api, 4)
    page, up = down[-1], []
    while page["previous"] is not None:
        page = api.get("/api/leaderboard", params={"limit": 4, "before": page["previous"]}).json()
        up.append(page)
    assert [page["leaderboard"] for page in up] == [page["leaderboard"] for page in down[-2::-1]]
    assert [page["next"] for page in up] == [page["next"] for page in down[-2::-1]]
    assert len(down) == -(-len(expected_board) // 4)


@pytest.mark.usefixtures("scorers")
def test_a_page_is_after_or_before_a_row_not_both(api: Api) -> None:
    cursor = api.get("/api/leaderboard?limit=1").json()["next"]
    cursors = {"after": cursor, "before": cursor}
    refused(api.get("/api/leaderboard", params=cursors), 400, "VALIDATION_ERROR", {"before"})


def test_equal_scores_share_a_rank_and_the_first_to_reach_it_comes_first(
    api: Api, scorers: list[Player]
) -> None:
    rows = [row for page in pages(api, 100) for row in page["leaderboard"]]
    for points in set(POINTS):
        expected = [
            player.user_id for player, own in zip(scorers, POINTS, strict=True) if own == points
        ]
        assert [row["userId"] for row in rows if row["userId"] in expected] == expected
        assert len({row["rank"] for row in rows if row["userId"] in expected}) == 1


def test_the_last_page_has_no_next(api: Api, expected_board: list[dict[str, Any]]) -> None:
    before, last = pages(api, 10)[-2:]
    rows = len(last["leaderboard"])
    exact = api.get("/api/leaderboard", params={"after": before["next"], "limit": rows}).json()
    assert exact["leaderboard"] == expected_board[-rows:]
    assert exact["next"] is None


def test_min_version_shows_the_point_on_every_connection(
    api: Api, running_system: SystemHarness
) -> None:
    player = running_system.register()
    # Other tests may have left more players than a page has rows.
    hundred = api.get("/api/leaderboard?limit=100").json()["leaderboard"]
    enough = hundred[-1]["score"] if len(hundred) == 100 else 0
    for _ in range(enough):
        player.score_point()
    for score in range(enough + 1, enough + 11):
        version = player.score_point()["boardVersion"]
        # A new connection reaches any of the workers.
        board = Api(api.url).get(f"/api/leaderboard?limit=100&minVersion={version}").json()
        assert board["version"] >= version
        own = [row for row in board["leaderboard"] if row["userId"] == player.user_id]
        assert [row["score"] for row in own] == [score]


def test_versions_never_decrease(api: Api, player: Player) -> None:
    versions = []
    for _ in range(10):
        player.score_point()
        versions += [api.get("/api/leaderboard").json()["version"] for _ in range(3)]
    assert versions == sorted(versions)


def test_the_board_is_public_and_around_me_is_not(api: Api) -> None:
    assert api.get("/api/leaderboard").status_code == 200
    refused(api.get("/api/leaderboard/around-me"), 401, "AUTH_REQUIRED")


@pytest.mark.parametrize("span", [0, 1, 2, 49])
def test_around_me_has_the_caller_in_the_middle(
    scorers: list[Player], expected_board: list[dict[str, Any]], span: int
) -> None:
    for player in scorers:
        board = player.call("GET", f"/leaderboard/around-me?span={span}").json()
        position = next(
            i for i, row in enumerate(expected_board) if row["userId"] == player.user_id
        )
        assert set(board) == {"version", "updatedAt", "leaderboard", "next", "previous"}
        assert board["leaderboard"] == expected_board[max(0, position - span) : position + span + 1]


def test_around_me_spans_two_rows_by_default(scorers: list[Player]) -> None:
    shown = [
        player.call("GET", f"/leaderboard/around-me{query}").json()["leaderboard"]
        for player in scorers
        for query in ("", "?span=2")
    ]
    assert shown[::2] == shown[1::2]


def test_next_of_around_me_continues_below(
    api: Api, scorers: list[Player], expected_board: list[dict[str, Any]]
) -> None:
    around = scorers[0].call("GET", "/leaderboard/around-me?span=1").json()
    below = api.get("/api/leaderboard", params={"after": around["next"], "limit": 1}).json()
    last = expected_board.index(around["leaderboard"][-1])
    assert below["leaderboard"] == [expected_board[last + 1]]


def test_around_me_is_empty_before_the_first_point(player: Player) -> None:
    board = player.call("GET", "/leaderboard/around-me").json()
    assert board["leaderboard"] == []
    assert board["next"] is None


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("limit", value) for value in ("0", "101", "-1", "1.5", "1e1", "ten", "", "9" * 3000)),
        *(("minVersion", value) for value in ("-1", "x", "", "9007199254740993")),
        *(
            (name, value)
            for name in ("after", "before")
            for value in ("", "x", "MS4y", "MS4yLjM=\n", "\0", "é", "LTEuMS4x")
        ),
    ],
)
def test_an_invalid_query_is_refused_by_field(api: Api, field: str, value: str) -> None:
    reply = api.get("/api/leaderboard", params={field: value})
    refused(reply, 400, "VALIDATION_ERROR", {field})


@pytest.mark.parametrize("span", ["-1", "50", "x", ""])
def test_a_span_out_of_bounds_is_refused(player: Player, span: str) -> None:
    reply = player.call("GET", f"/leaderboard/around-me?span={span}")
    refused(reply, 400, "VALIDATION_ERROR", {"span"})


@pytest.mark.usefixtures("changes_nothing")
def test_an_order_key_that_a_client_has_chosen_is_refused(api: Api) -> None:
    # The rows after a chosen order key show whether an own act has a higher id.
    for order_key in ("1.1.1", "3.1795479476347000.99", f"{10**17}.{10**16}.{10**17}"):
        cursor = base64.urlsafe_b64encode(order_key.encode()).decode()
        for name in ("after", "before"):
            reply = api.get("/api/leaderboard", params={name: cursor})
            refused(reply, 400, "VALIDATION_ERROR", {name})


def test_clients_can_neither_read_nor_change_a_cursor(
    api: Api, expected_board: list[dict[str, Any]]
) -> None:
    assert len(expected_board) > 1
    cursor = api.get("/api/leaderboard?limit=1").json()["next"]
    assert cursor == api.get("/api/leaderboard?limit=1").json()["next"]
    # In plain text it would be three numbers.
    assert set(base64.urlsafe_b64decode(cursor)) - set(b"-.0123456789")
    changed = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    reply = api.get("/api/leaderboard", params={"after": changed})
    refused(reply, 400, "VALIDATION_ERROR", {"after"})
