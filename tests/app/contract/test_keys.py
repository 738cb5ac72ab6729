"""The slots of the keys in a Redis Cluster."""

from __future__ import annotations

import inspect
from dataclasses import astuple
from datetime import date
from itertools import product

from redis.crc import key_slot

from app.contract import keys
from app.contract.channels import CHANNELS, score_update_channel
from app.contract.standings import MAIN, MAIN_RANKING, BoardPeriod, Ranking

ARGUMENTS = {
    "user_id": ["9058f3b5-329b-444d-a70e-d16ecd49bddd"],
    "session_id": ["0b0e4d5e-9d5f-4a6c-8f0e-2f6a4c9d1b11"],
    "kind": ["token", "increment"],
    "nonce": ["rAT20pmiYCA_YIH"],
    # A login knows only a hash of the name; here one value tags both kinds of keys.
    "account": ["9058f3b5-329b-444d-a70e-d16ecd49bddd"],
    "address": ["192.0.2.1", "2001:db8::/64"],
    "network": ["192.0.2.0/24", "2001:db8::/48"],
}
ALONE = {
    "address_activity",
    "pairing_code",
    "paired_screen",
    "dataclass",
    "lru_cache",
    keys.ALERTS,
    keys.HEALTH,
}
"""Builders and keys that no script uses together with the keys of a user or of the board main."""


def slots(names: set[str]) -> set[int]:
    return {key_slot(name.encode()) for name in names}


def test_all_keys_of_a_user_are_in_one_slot() -> None:
    builders = {
        name: builder
        for name, builder in inspect.getmembers(keys, inspect.isfunction)
        if name not in ALONE
    }
    assert len(builders) >= 6
    built = {
        builder(*values)
        for builder in builders.values()
        for values in product(*(ARGUMENTS[name] for name in inspect.signature(builder).parameters))
    }
    assert len(built) > len(builders)
    assert len(slots(built)) == 1


def test_all_keys_of_the_board_are_in_the_slot_of_the_key_without_a_hash_tag() -> None:
    named = {
        value
        for name, value in vars(keys).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    board = named - CHANNELS.keys() - ALONE
    assert len(board) >= 8
    assert slots(board) == {key_slot(b"leaderboard:top10")}


def test_users_are_spread_over_the_slots() -> None:
    assert len(slots({keys.account(f"user-{number}") for number in range(1000)})) > 900


def test_the_keys_of_each_ranking_are_in_one_slot_and_shared_with_no_other_ranking() -> None:
    rankings = [
        Ranking(board, "week", day)
        for board in ("quiz-night", "main")
        for day in (date(2026, 11, 23), date(2026, 11, 30))
    ]
    rankings += [Ranking("quiz-night", "all", None), MAIN_RANKING]
    built = [
        [name for name in astuple(keys.of_ranking(ranking)) if isinstance(name, str)]
        for ranking in rankings
    ]
    assert all(len(slots(set(names))) == 1 for names in built)
    assert len({name for names in built for name in names}) == sum(map(len, built))
    assert built[0][0] == "{leaderboard:quiz-night:week:2026-11-23}:top10"
    assert keys.of_ranking(MAIN_RANKING) is keys.MAIN_KEYS


def test_each_board_and_period_announces_its_changes_on_a_channel_of_its_own() -> None:
    assert score_update_channel(MAIN) == keys.SCORE_UPDATE
    assert score_update_channel(BoardPeriod("quiz", "day")) == "score_update:quiz:day"
