"""The rules by themselves: where they fire, in what words, and with what evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.fraud.configured import configured_rules, rhythm_length
from app.fraud.rules import Clockwork, Crowd, Observation, RapidRequests
from config.settings import Settings

NOW = 1_800_000_000_000
QUIET = Observation(kind="token", attempts=1, window_start=NOW, now=NOW)


def rhythm(*intervals: int) -> Observation:
    """An observation of attempts so many ms apart, the first interval the oldest."""
    times = [NOW]
    for interval in reversed(intervals):
        times.append(times[-1] - interval)
    return replace(QUIET, times=tuple(times))


@pytest.mark.parametrize(("attempts", "fires"), [(1, False), (8, False), (9, True), (50, True)])
def test_rapid_requests_fires_past_the_most_and_not_at_it(attempts: int, fires: bool) -> None:
    finding = RapidRequests(8, 10).judge(replace(QUIET, attempts=attempts))
    assert (finding is not None) == fires


def test_rapid_requests_says_how_many_of_what_in_which_time() -> None:
    observation = replace(QUIET, kind="increment", attempts=9, window_start=NOW - 3_000)
    finding = RapidRequests(8, 10).judge(observation)
    assert finding is not None
    assert finding.rule == "rapid_requests"
    assert finding.reason == "9 increment requests within 10 s, where 8 are allowed"
    assert finding.evidence == {
        "attempts": 9,
        "most": 8,
        "windowSeconds": 10,
        "firstAt": NOW - 3_000,
        "lastAt": NOW,
    }
    assert finding.since == NOW - 3_000


def test_clockwork_waits_until_it_has_seen_enough() -> None:
    rule = Clockwork(20, 0.05)
    assert rule.judge(rhythm(*[1_000] * 18)) is None
    assert rule.judge(rhythm(*[1_000] * 19)) is not None


def test_clockwork_fires_below_its_variation_and_not_at_it() -> None:
    # Half the intervals 10 % over the mean and half 10 % under: a variation of exactly 0.1.
    observation = rhythm(*[900, 1_100] * 10)
    assert Clockwork(21, 0.1).judge(observation) is None
    assert Clockwork(21, 0.1001).judge(observation) is not None


def test_clockwork_tells_the_tempo_and_shows_the_intervals() -> None:
    finding = Clockwork(5, 0.05).judge(rhythm(12_010, 11_990, 12_000, 12_000))
    assert finding is not None
    assert finding.rule == "clockwork"
    assert finding.reason == (
        "The last 5 token requests came every 12.00 s with a variation of 0.1%, as a script's do"
    )
    assert finding.evidence == {
        "intervalsMs": [12_000, 12_000, 11_990, 12_010],
        "variation": 0.0006,
        "threshold": 0.05,
    }
    assert finding.since == NOW - 48_000


def test_clockwork_takes_many_attempts_of_one_moment_for_a_script() -> None:
    assert Clockwork(20, 0.05).judge(rhythm(*[0] * 19)) is not None


def test_crowd_fires_past_the_most_accounts_and_not_at_it() -> None:
    rule = Crowd(3, 60)
    assert rule.judge(replace(QUIET, accounts=3)) is None
    finding = rule.judge(replace(QUIET, accounts=4))
    assert finding is not None
    assert finding.rule == "crowd"
    assert finding.reason == "4 accounts acted from one address within 60 s, where 3 are allowed"
    assert finding.evidence == {"accounts": 4, "most": 3, "windowSeconds": 60}
    assert finding.since == NOW - 60_000


@pytest.mark.parametrize(
    ("variation", "accounts", "rules", "times"),
    [
        (0.0, 0, ["RapidRequests"], 0),
        (0.05, 0, ["RapidRequests", "Clockwork"], 20),
        (0.0, 3, ["RapidRequests", "Crowd"], 0),
        (0.05, 3, ["RapidRequests", "Clockwork", "Crowd"], 20),
    ],
)
def test_each_further_rule_is_one_setting_away(
    any_settings: Settings, variation: float, accounts: int, rules: list[str], times: int
) -> None:
    settings = replace(
        any_settings, fraud_clockwork_variation=variation, fraud_crowd_accounts=accounts
    )
    assert [type(rule).__name__ for rule in configured_rules(settings)] == rules
    assert rhythm_length(settings) == times


def test_rule_1_alone_is_on_by_default(any_settings: Settings) -> None:
    assert configured_rules(any_settings) == [RapidRequests(8, 10)]
