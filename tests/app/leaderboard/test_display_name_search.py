"""The search of players by the beginning of a word of their display name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.leaderboard import board_rows
from tests.support.players import PASSWORD
from tests.support.servers import DatabaseServer, Stores, migrate
from tests.support.services import Services

# ruff: noqa: RUF001 - the letters of other scripts are meant

OPERATOR = Initiator("operator:test", "test")


def player(services: Services, display_name: str, username: str | None = None) -> str:
    """A player with one point; returns the user id."""
    with services.database.reading() as connection:
        number = connection.execute(text("SELECT count(*) FROM users")).scalar_one()
    login = services.accounts.register(username or f"_{number:03}", PASSWORD, display_name)
    identity = services.verifier.verify(login.tokens.access_token, "access")
    services.scoring.increment(identity, services.scoring.issue_token(identity).text)
    return login.user.id


def names(services: Services, typed: str, limit: int = 20) -> list[str]:
    return [row.display_name for row in services.leaderboard.search(typed, limit).rows]


def execute(services: Services, statement: str, **values: object) -> None:
    with services.database.transaction() as connection:
        connection.execute(text(statement), values)


def test_a_player_is_found_by_the_beginning_of_each_word(services: Services) -> None:
    player(services, "Ada King Lovelace")
    for typed in ("ada", "ada k", "King", "king love", "LOVE", " \u3000ada\u00a0 king "):
        assert names(services, typed) == ["Ada King Lovelace"], typed
    for typed in ("da", "ada love", "ada kings", "ada king lovelace x", "lovelace ada"):
        assert names(services, typed) == [], typed


def test_usernames_come_first_and_no_player_twice(services: Services) -> None:
    for username, display_name in (
        ("zoe", "Ada Adams"),
        ("bea", "Zed Ada"),
        ("adam", "Ada"),
        ("ada", "Ada Adams Adamson"),
        ("eve", "Adamson"),
    ):
        player(services, display_name, username)
    board = services.leaderboard.search("ada", 20)
    assert [row.username for row in board.rows] == ["ada", "adam", "bea", "zoe", "eve"]
    assert not board.more
    for limit in range(1, 5):
        board = services.leaderboard.search("ada", limit)
        assert [row.username for row in board.rows] == ["ada", "adam", "bea", "zoe"][:limit]
        assert board.more


@pytest.mark.parametrize("locale", ["C", "Unicode"])
def test_letter_case_does_not_count_in_any_script_and_accents_do(
    postgres: DatabaseServer, stores: Stores, make_services: Callable[..., Services], locale: str
) -> None:
    url = postgres.create_in_unicode_locale() if locale == "Unicode" else stores.database_url
    if locale == "Unicode":
        migrate(url)
    services = make_services(DATABASE_URL=url)
    for name, typed in (
        ("Émile Zola", "éMI"),
        ("Łukasz", "łUKA"),
        ("Анна Каренина", "КАРЕ"),
        ("Οδυσσέας", "ΟΔΥΣ"),
        ("Νίκος", "ΝΊΚΟΣ"),
        ("İrem", "irem"),
        ("Straße", "straß"),
        ("محمد علي", "علي"),
        ("山田 太郎", "太"),
        ("🦊 Fox", "🦊"),
        ("Zoe\u0308", "ZO\u00cb"),
    ):
        player(services, name)
        assert len(names(services, typed)) == 1, typed
    for typed in ("emi", "lukasz", "zoe", "каренино", "strase"):
        assert names(services, typed) == [], typed


def test_no_character_of_a_display_name_is_a_wildcard(services: Services) -> None:
    for name in ("100% Ada", "1000 Ada", r"a\b", "axb", "x_y", "xzy", "it's"):
        player(services, name)
    assert names(services, "100%") == ["100% Ada"]
    assert names(services, "a\\") == [r"a\b"]
    assert names(services, "x_") == ["x_y"]
    assert names(services, "IT'") == ["it's"]
    for nothing in ("%", "_%", "\\", "*", "1_0", "a.", ".", "\U0010ffff"):
        assert names(services, nothing) == [], nothing


def test_a_renamed_player_is_found_under_the_new_name_only(services: Services) -> None:
    user_id = player(services, "Ada King Lovelace")
    services.moderation.rename(OPERATOR, user_id, display_name="Grace Hopper", username=None)
    for old in ("ada", "king", "love"):
        assert names(services, old) == []
    assert names(services, "grace") == names(services, "hop") == ["Grace Hopper"]


def test_names_that_the_version_before_writes_are_found(services: Services) -> None:
    execute(
        services,
        "INSERT INTO users (id, username, display_name, password_hash, score, reached_at,"
        " reached_action_id) VALUES (gen_random_uuid(), 'old', 'Ada  Lovelace', '', 1, now(), 1)",
    )
    assert names(services, "love") == ["Ada  Lovelace"]
    execute(services, "UPDATE users SET display_name = 'Grace', revision = revision + 1")
    assert names(services, "love") == []
    assert names(services, "grace") == ["Grace"]
    execute(services, "DELETE FROM users")
    assert names(services, "grace") == []


def test_a_point_writes_no_key(services: Services) -> None:
    user_id = player(services, "Ada Lovelace")
    keys = text("SELECT ctid::text, xmin::text FROM display_name_keys ORDER BY word")
    with services.database.reading() as connection:
        before = connection.execute(keys).all()
    execute(services, "UPDATE users SET score = score + 1 WHERE id = :id", id=user_id)
    with services.database.reading() as connection:
        assert connection.execute(keys).all() == before
    assert len(before) == 2


def test_only_players_on_the_board_are_found_by_display_name(services: Services) -> None:
    banned = player(services, "Ada One")
    player(services, "Ada Two")
    services.accounts.register("without-points", PASSWORD, "Ada Three")
    services.moderation.ban(OPERATOR, banned)
    assert names(services, "ada") == ["Ada Two"]
    services.moderation.unban(OPERATOR, banned)
    assert names(services, "ada") == ["Ada One", "Ada Two"]


def test_a_search_by_display_name_reads_a_bounded_number_of_users(services: Services) -> None:
    for number in range(1, 9):
        user_id = player(services, f"Ada {number}")
        if number <= 5:
            execute(services, "UPDATE users SET score = 0 WHERE id = :id", id=user_id)
    with services.database.reading() as connection:

        def search(limit: int, candidates: int) -> tuple[list[str], bool]:
            rows, more = board_rows.by_display_name(connection, "ada", None, limit, candidates)
            return [row.display_name[-1] for row in rows], more

        assert search(limit=5, candidates=4) == ([], True)
        assert search(limit=5, candidates=7) == (["6", "7"], True)
        assert search(limit=1, candidates=7) == (["6"], True)
        assert search(limit=0, candidates=8) == ([], True)
        assert search(limit=3, candidates=8) == (["6", "7", "8"], False)
