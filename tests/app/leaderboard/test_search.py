"""The search of players by the beginning of their username."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from app.audit.audited_change import Initiator
from app.contract.standings import Board
from app.leaderboard import board_rows
from tests.support.players import PASSWORD
from tests.support.servers import DatabaseServer, Stores, empty, migrate
from tests.support.services import Services

MANY = 30_000
_PEOPLE = (
    "INSERT INTO users (id, username, display_name, password_hash, score, reached_at,"
    " reached_action_id) SELECT gen_random_uuid(), %(prefix)s || lpad(n::text, 6, '0'),"
    " 'Long Name' || lpad(n::text, 6, '0'), 'none',"
    " CASE WHEN n > %(pointless)s THEN 1 + n %% 100 ELSE 0 END, now(), n"
    " FROM generate_series(1, %(number)s) AS n"
)


def fill(stores: Stores, prefix: str, number: int, pointless: int = 0) -> None:
    """Players with numbered usernames; the first `pointless` of them have no points."""
    values = {"prefix": prefix, "number": number, "pointless": pointless}
    with psycopg2.connect(stores.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(_PEOPLE, values)


def player(services: Services, username: str, points: int = 1) -> str:
    """A new player with that username; returns the user id."""
    login = services.accounts.register(username, PASSWORD, username.title())
    identity = services.verifier.verify(login.tokens.access_token, "access")
    for _ in range(points):
        services.scoring.increment(identity, services.scoring.issue_token(identity).text)
    return login.user.id


def found(board: Board) -> list[tuple[int, str, int]]:
    return [(row.rank, row.username, row.score) for row in board.rows]


def usernames(services: Services, prefix: str, limit: int = 20) -> list[str]:
    return [row.username for row in services.leaderboard.search(prefix, limit).rows]


@pytest.mark.parametrize("whole", [True, False], ids=["index whole", "ranks counted in SQL"])
def test_players_are_found_by_username_with_the_ranks_of_the_board(
    services: Services, stores: Stores, whole: bool
) -> None:
    for username, points in (("Adam", 1), ("ADA", 3), ("zoe", 3), ("adele", 2), ("bea", 4)):
        player(services, username, points)
    if not whole:
        empty(stores.redis_url)
    board = services.leaderboard.search("ad", 20)
    assert found(board) == [(2, "ADA", 3), (5, "Adam", 1), (4, "adele", 2)]
    assert not board.more


def test_letter_case_and_spaces_around_do_not_count(services: Services) -> None:
    player(services, "Ada-L")
    for text_typed in ("ada-l", "ADA", " \u3000aDa- "):
        assert usernames(services, text_typed) == ["Ada-L"]


@pytest.mark.parametrize("locale", ["C", "Unicode"])
def test_a_search_finds_the_same_in_every_locale_of_the_database(
    postgres: DatabaseServer,
    stores: Stores,
    make_services: Callable[..., Services],
    locale: str,
) -> None:
    url = postgres.create_in_unicode_locale() if locale == "Unicode" else stores.database_url
    if locale == "Unicode":
        migrate(url)
    services = make_services(DATABASE_URL=url)
    for username in ("iris", "iri-s", "iri_s", "Iri.s", "IRI9", "irk"):
        player(services, username)
    assert usernames(services, "Iri") == ["iri-s", "Iri.s", "IRI9", "iri_s", "iris"]


def test_no_character_is_a_wildcard(services: Services) -> None:
    for username in ("a_b", "axb", "a.b"):
        player(services, username)
    assert usernames(services, "a_") == ["a_b"]
    assert usernames(services, "a.") == ["a.b"]
    for nothing in ("%", "a%", "\\", "a\\", "_", "~", "a~", "'", "a b", "\u0430_b", "\uff41xb"):
        assert usernames(services, nothing) == []


def test_only_players_on_the_board_are_found(services: Services) -> None:
    stays, banned, deleted = (player(services, f"ada-{n}") for n in range(3))
    player(services, "ada-pointless", points=0)
    services.moderation.ban(Initiator("operator:test", "test"), banned)
    with services.database.transaction() as connection:
        statement = text("UPDATE users SET status = 'deleted' WHERE id = :id")
        connection.execute(statement, {"id": deleted})
    board = services.leaderboard.search("ada", 20)
    assert [row.user_id for row in board.rows] == [stays]
    assert not board.more


def test_the_exact_username_comes_first_however_many_begin_with_it(
    services: Services, stores: Stores
) -> None:
    fill(stores, "ada", 50)
    player(services, "ada")
    board = services.leaderboard.search("ada", 3)
    assert [row.username for row in board.rows] == ["ada", "ada000001", "ada000002"]
    assert board.more
    assert not services.leaderboard.search("ada", 51).more


def test_a_search_reads_a_bounded_number_of_users_and_says_that_there_are_more(
    services: Services, stores: Stores
) -> None:
    fill(stores, "ada", 8, pointless=5)
    with services.database.reading() as connection:

        def search(limit: int, candidates: int) -> tuple[list[str], bool]:
            rows, more = board_rows.by_username(connection, "ada", limit, candidates)
            return [row.username[-1] for row in rows], more

        assert search(limit=5, candidates=4) == ([], True)
        assert search(limit=5, candidates=7) == (["6", "7"], True)
        assert search(limit=2, candidates=7) == (["6", "7"], True)
        assert search(limit=1, candidates=7) == (["6"], True)
        assert search(limit=3, candidates=8) == (["6", "7", "8"], False)
        assert search(limit=2, candidates=8) == (["6", "7"], True)


@pytest.fixture
def sent() -> Iterator[list[tuple[str, Any]]]:
    """The statements that SQLAlchemy sends during the test, with their values."""
    statements: list[tuple[str, Any]] = []

    def record(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        statements.append((statement, values))

    event.listen(Engine, "before_cursor_execute", record)
    yield statements
    event.remove(Engine, "before_cursor_execute", record)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def plan_of(services: Services, sent: tuple[str, Any]) -> list[dict[str, Any]]:
    """The nodes of the plan by which PostgreSQL runs a statement."""
    statement, values = sent
    with services.database.reading() as connection:
        explain = "EXPLAIN (ANALYZE, FORMAT JSON) "
        reply = connection.exec_driver_sql(explain + statement, values).scalar_one()
    return list(nodes((json.loads(reply) if isinstance(reply, str) else reply)[0]["Plan"]))


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["p", "player0", "player012345", "none"])
def test_a_search_among_many_users_reads_a_part_of_the_index(
    services: Services, stores: Stores, sent: list[tuple[str, Any]], prefix: str
) -> None:
    fill(stores, "player", MANY, pointless=MANY)
    with services.database.reading() as connection:
        connection.execute(text("ANALYZE users"))
    services.leaderboard.search(prefix, 20)
    plan = plan_of(services, next(each for each in sent if "row_number" in each[0]))
    scans = [node for node in plan if "Scan" in node["Node Type"] and "Index Name" in node]
    assert [node["Index Name"] for node in scans] == ["users_username_key_c"]
    assert {node["Node Type"] for node in plan} <= {
        "Limit",
        "Subquery Scan",
        "WindowAgg",
        "Index Scan",
    }
    assert scans[0]["Actual Rows"] <= board_rows.MAX_CANDIDATES + 2


@pytest.mark.slow
@pytest.mark.parametrize("pointless", [0, MANY], ids=["on the board", "without points"])
def test_a_search_among_many_display_names_reads_a_part_of_the_indexes(
    services: Services, stores: Stores, sent: list[tuple[str, Any]], pointless: int
) -> None:
    fill(stores, "player", MANY, pointless)
    with services.database.reading() as connection:
        connection.execute(text("ANALYZE users, display_name_keys"))
    for prefix in ("n", "name0", "name012345", "long", "none"):
        sent.clear()
        services.leaderboard.search(prefix, 20)
        plan = plan_of(services, next(each for each in sent if "display_name_keys" in each[0]))
        read = {
            node.get("Index Name", node["Node Type"]): node["Actual Rows"] * node["Actual Loops"]
            for node in plan
            if "Scan" in node["Node Type"]
        }
        assert "Seq Scan" not in read
        assert {"display_name_keys_key", "users_pkey"} <= set(read)
        # On the board the first rows are enough, and each has a key for each of its two words.
        users = 21 if pointless == 0 else board_rows.MAX_CANDIDATES + 1
        assert read["users_pkey"] <= users
        assert read["display_name_keys_key"] <= users
