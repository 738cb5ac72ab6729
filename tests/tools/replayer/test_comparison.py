"""Ranks, differences between tables, and the texts of the report."""

from __future__ import annotations

from tools.replayer.comparison import Standing, competition_ranks, differences
from tools.replayer.report import duration


def test_equal_points_share_a_rank_and_the_next_is_skipped() -> None:
    table = competition_ranks({"Cy": 3, "Ann": 9, "Di": 1, "Bob": 3})
    assert {name: standing.rank for name, standing in table.items()} == {
        "Ann": 1,
        "Bob": 2,
        "Cy": 2,
        "Di": 4,
    }


def test_a_difference_in_rank_alone_is_a_difference() -> None:
    assert differences({"Ann": Standing(1, 2)}, {"Ann": Standing(1, 2)}) == []
    assert differences({"Ann": Standing(1, 2)}, {"Ann": Standing(2, 2)}) == [
        "Ann: rank 2 with 2 on the board, expected rank 1 with 2"
    ]


def test_a_player_without_points_is_expected_not_to_be_on_the_board() -> None:
    assert differences({"Ann": Standing(1, 0)}, {}) == []
    assert differences({"Ann": Standing(1, 0)}, {"Ann": Standing(1, 1)}) == [
        "Ann: rank 1 with 1 on the board, not expected there"
    ]


def test_a_duration_is_in_seconds_or_in_minutes_and_seconds() -> None:
    assert [duration(7.31), duration(59.9), duration(192)] == ["7.3 s", "59.9 s", "3 min 12 s"]
