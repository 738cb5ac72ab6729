"""A board that follows from the one before by the change in a message."""

from __future__ import annotations

import pytest

from app.contract.standings import TOP, Board, BoardVersion, OrderKey, Standing, ranks_from_top
from app.contract.viewers.board_delta import BoardDelta, RowChange, TopAfterFall, board_after


def board(version: int, *rows: tuple[str, int, int], sign: int = 1) -> Board:
    """A board of (user id, index score, reached at)."""
    ranks = ranks_from_top([score for _, score, _ in rows])
    standings = tuple(
        Standing(rank, user, user, user.title(), sign * score)
        for rank, (user, score, _) in zip(ranks, rows, strict=True)
    )
    keys = tuple(OrderKey(score, reached_at, 1) for _, score, reached_at in rows)
    return Board(BoardVersion(version, version, version), standings, keys, more=True)


def delta(after: int, version: int, *changes: tuple[str, int, int], name: str = "") -> BoardDelta:
    """Changes of (user id, index score, reached at); without a name, the names were not read."""
    rows = tuple(RowChange(*each, name and each[0], name) for each in changes)
    return BoardDelta(after, BoardVersion(version, version, version), rows)


def fall(
    changed: dict[str, int | None], *top: tuple[str, int, int], more: bool = True
) -> BoardDelta:
    """A fall of these players from these index scores, and the top of (user id, score, time)."""
    rows = tuple(RowChange(*each, each[0], each[0].title()) for each in top)
    after = TopAfterFall(tuple(changed.items()), rows, more)
    return BoardDelta(10, BoardVersion(11, 11, 11), (), after)


FULL = board(10, *((f"p{n}", 50 - n, n) for n in range(TOP)))
ROWS = [(f"p{n}", 50 - n, n) for n in range(TOP)]
START = board(10, ("ada", 5, 1), ("bob", 3, 2), ("eve", 3, 4))


def shown(found: Board | None) -> list[tuple[int, str, int]]:
    assert found is not None
    assert len(found.order_keys) == len(found.rows)
    return [(row.rank, row.user_id, row.score) for row in found.rows]


def test_players_move_up_by_all_changes_since_the_board_and_others_get_other_ranks() -> None:
    found = board_after(START, [delta(10, 11, ("eve", 5, 7)), delta(11, 14, ("eve", 6, 8))], int)
    assert shown(found) == [(1, "eve", 6), (2, "ada", 5), (3, "bob", 3)]
    assert found is not None
    assert found.version == BoardVersion(14, 14, 14)
    assert found.more


def test_of_equal_scores_the_one_reached_first_comes_first_with_the_same_rank() -> None:
    found = board_after(START, [delta(10, 11, ("bob", 5, 6), ("eve", 5, 5))], int)
    assert shown(found) == [(1, "ada", 5), (1, "eve", 5), (1, "bob", 5)]


def test_changes_that_the_board_has_are_ignored() -> None:
    later = delta(10, 12, ("bob", 4, 6))
    found = board_after(START, [delta(7, 9, ("bob", 9, 6)), delta(9, 10), later], int)
    assert shown(found) == [(1, "ada", 5), (2, "bob", 4), (3, "eve", 3)]
    # The board was read after the player scored again.
    assert shown(board_after(START, [delta(10, 11, ("ada", 4, 6))], int)) == shown(START)


def test_a_player_who_enters_a_full_board_replaces_its_last_one() -> None:
    full = board(10, *((f"p{n}", 50 - n, n) for n in range(TOP)))
    found = board_after(full, [delta(10, 11, ("kim", 45, 99), name="Kim")], int)
    assert found is not None
    assert [row.user_id for row in found.rows] == [
        *(f"p{n}" for n in range(6)), "kim", *(f"p{n}" for n in range(6, 9)),
    ]  # fmt: skip
    assert found.rows[6] == Standing(6, "kim", "kim", "Kim", 45)
    assert (len(found.order_keys), found.more) == (TOP, True)
    changes = [delta(10, 11, ("kim", 45, 99), name="Kim"), delta(11, 12, ("p9", 60, 100))]
    back = shown(board_after(full, changes, int))
    assert (back[0], back[-1]) == ((1, "p9", 60), (10, "p7", 43))
    # A player who is not good enough changes nothing.
    kept = board_after(full, [delta(10, 11, ("kim", 41, 99), name="Kim")], int)
    assert kept is not None
    assert kept.rows == full.rows


def test_a_player_who_enters_a_board_with_room_replaces_nobody() -> None:
    few = board(10, ("ada", 5, 1))
    found = board_after(few, [delta(10, 11, ("kim", 3, 4), name="Kim")], int)
    assert shown(found) == [(1, "ada", 5), (2, "kim", 3)]


def test_new_names_replace_the_old_ones_but_not_together_with_a_point() -> None:
    found = board_after(START, [delta(10, 11, ("bob", 3, 2), name="Robert")], int)
    assert shown(found) == shown(START)
    assert found is not None
    assert found.rows[1].display_name == "Robert"
    # The board may have been read after the player was renamed.
    scored = board_after(START, [delta(10, 11, ("bob", 4, 6), name="Robert")], int)
    assert scored is not None
    assert scored.rows[1].display_name == "Bob"


def test_a_board_has_to_be_read_if_a_change_is_missing_or_the_names_of_a_player() -> None:
    assert board_after(START, [delta(11, 12, ("bob", 4, 6))], int) is None
    assert board_after(START, [delta(10, 11), delta(12, 13)], int) is None
    assert board_after(START, [delta(10, 11, ("kim", 9, 6))], int) is None


def test_a_board_has_to_be_read_if_only_the_action_decides_between_two_players() -> None:
    assert board_after(START, [delta(10, 11, ("bob", 5, 1))], int) is None


def test_a_better_time_is_a_lower_one() -> None:
    laps = board(10, ("ada", -50, 1), ("bob", -70, 2), sign=-1)
    found = board_after(laps, [delta(10, 11, ("bob", -40, 6))], lambda score: -score)
    assert shown(found) == [(1, "bob", 40), (2, "ada", 50)]


def test_a_player_moves_up_for_one_who_leaves_and_the_others_keep_their_rows() -> None:
    found = board_after(FULL, [fall({"p0": 50}, *ROWS[1:], ("kim", 40, 77))], int)
    assert found is not None
    assert [row.user_id for row in found.rows] == [*(f"p{n}" for n in range(1, TOP)), "kim"]
    assert (found.rows[-1], found.more) == (Standing(10, "kim", "kim", "Kim", 40), True)
    assert found.version == BoardVersion(11, 11, 11)
    # Names of the board stay, because they may have been read later.
    assert found.rows[0] == Standing(1, "p1", "p1", "P1", 49)
    assert found.order_keys[0] == FULL.order_keys[1]


def test_a_player_who_falls_stays_on_the_board_if_the_score_is_still_good_enough() -> None:
    top = [("bob", 3, 2), ("eve", 3, 4), ("ada", 1, 9)]
    found = board_after(START, [fall({"ada": 5}, *top, more=False)], int)
    assert shown(found) == [(1, "bob", 3), (1, "eve", 3), (3, "ada", 1)]
    assert found is not None
    assert not found.more
    # The same if the board was read after the fall, but before its message.
    assert shown(board_after(board(10, *top), [fall({"ada": 5}, *top)], int)) == shown(found)


def test_changes_before_and_after_a_fall_are_a_part_of_the_board() -> None:
    higher = delta(9, 10, ("p9", 60, 99))
    before = board(9, *ROWS)
    left = fall({"p9": 60}, *ROWS[:9], ("kim", 40, 77))
    back = delta(11, 12, ("p9", 45, 100), name="P")
    found = board_after(before, [higher, left, back], int)
    assert found is not None
    assert [row.user_id for row in found.rows][4:7] == ["p4", "p5", "p9"]
    assert "kim" not in {row.user_id for row in found.rows}


@pytest.mark.parametrize(
    "change",
    [
        # The board has a later score of the player who fell.
        fall({"p0": 48}, *ROWS[1:], ("kim", 40, 77)),
        # The board has a score that the index has not, and the other way round.
        fall({"p0": 50}, *ROWS[2:], ("kim", 40, 77), ("eve", 40, 78)),
        fall({"p0": 50}, ("kim", 49, 77), *ROWS[1:]),
        fall({"p0": 50}, ("p1", 47, 77), *ROWS[2:], ("kim", 40, 77)),
        # A player left whose ban was not announced yet.
        fall({"p0": 50}, ("kim", 90, 77), *ROWS[1:]),
        # Only the action decides between a player of the board and one below.
        fall({"p0": 50}, *ROWS[1:], ("kim", 41, 9)),
    ],
)
def test_a_board_has_to_be_read_if_more_differs_from_the_index_than_the_message_says(
    change: BoardDelta,
) -> None:
    assert board_after(FULL, [change], int) is None


def test_nobody_moves_up_into_a_board_that_was_not_full() -> None:
    top = [("bob", 3, 2), ("eve", 3, 4), ("kim", 1, 9)]
    assert board_after(START, [fall({"ada": 5}, *top)], int) is None
