"""Usernames for the players of an event file."""

from __future__ import annotations

import re

from tools.replayer.usernames import usernames

ALLOWED = re.compile(r"[A-Za-z0-9_.-]{3,32}\Z")


def test_a_username_is_the_name_in_ascii_and_the_suffix_of_the_run() -> None:
    names = usernames(["Côte d'Ivoire", "São Tomé", "2041202309170040"], "x1y2z")
    assert names == {
        "Côte d'Ivoire": "cote-d-ivoire-x1y2z",
        "São Tomé": "sao-tome-x1y2z",
        "2041202309170040": "2041202309170040-x1y2z",
    }


def test_every_name_gets_a_username_of_its_own_that_the_contract_allows() -> None:
    long = "Democratic People's Republic of Somewhere Else"
    clashing = ["A B", "a-b", "Å B", "a b 2", "中国", "日本", "💥", long, f"{long}!", "x", "-"]
    names = usernames(clashing * 2, "x1y2z")
    assert list(names) == clashing
    assert len(set(names.values())) == len(clashing)
    assert all(ALLOWED.match(username) for username in names.values()), names
