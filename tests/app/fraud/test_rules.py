"""The rules alone: when they fire, and the reason and evidence of each finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.fraud.configuration import attempt_times_needed, configured_rules
from app.fraud.rules import Observation, RapidRequests, RegularIntervals, SharedAddress
from config.settings import Settings

NOW = 1_800_000_000_000
QUIET = Observation(kind="token", attempts=1, window_start=NOW, now=NOW)


def attempts_with(*intervals: int) -> Observation:
    """An observation of attempts with these intervals in ms, the oldest first."""
    times = [NOW]
    for interval in reversed(intervals):
        times.append(times[-1] - interval)
    return replace(QUIET, attempt_times=tuple(times))


@pytest.mark.parametrize(("attempts", "fires"), [(1, False), (8, False), (9, True), (50, True)])
def test_rapid_requests_fires_above_the_maximum_and_not_at_it(attempts: int, fires: bool) -> None:
    finding = RapidRequests(8, 10).judge(replace(QUIET, attempts=attempts))
    assert (finding is not None) == fires


def test_rapid_requests_reports_number_kind_and_window() -> None:
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


def test_regular_intervals_needs_enough_attempts() -> None:
    rule = RegularIntervals(20, 0.05)
    assert rule.judge(attempts_with(*[1_000] * 18)) is None
    assert rule.judge(attempts_with(*[1_000] * 19)) is not None


def test_regular_intervals_fires_below_its_variation_and_not_at_it() -> None:
    # Half of the intervals are 10 % above the mean, half 10 % below: the variation is 0.1.
    observation = attempts_with(*[900, 1_100] * 10)
    assert RegularIntervals(21, 0.1).judge(observation) is None
    assert RegularIntervals(21, 0.1001).judge(observation) is not None


def test_regular_intervals_reports_mean_and_intervals() -> None:
    finding = RegularIntervals(5, 0.05).judge(attempts_with(12_010, 11_990, 12_000, 12_000))
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


def test_many_attempts_at_the_same_time_are_regular() -> None:
    assert RegularIntervals(20, 0.05).judge(attempts_with(*[0] * 19)) is not None


def test_shared_address_fires_above_the_maximum_and_not_at_it() -> None:
    rule = SharedAddress(3, 60)
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
        (0.05, 0, ["RapidRequests", "RegularIntervals"], 20),
        (0.0, 3, ["RapidRequests", "SharedAddress"], 0),
        (0.05, 3, ["RapidRequests", "RegularIntervals", "SharedAddress"], 20),
    ],
)
def test_a_setting_turns_on_each_further_rule(
    any_settings: Settings, variation: float, accounts: int, rules: list[str], times: int
) -> None:
    settings = replace(
        any_settings, fraud_clockwork_variation=variation, fraud_crowd_accounts=accounts
    )
    assert [type(rule).__name__ for rule in configured_rules(settings)] == rules
    assert attempt_times_needed(settings) == times


def test_only_rule_1_is_on_by_default(any_settings: Settings) -> None:
    assert configured_rules(any_settings) == [RapidRequests(8, 10)]
