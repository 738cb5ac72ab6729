"""The fraud rules and their sanctions as the settings configure them."""

from __future__ import annotations

from app.fraud.address_activity import ADDRESS_WINDOW_SECONDS
from app.fraud.judge import SanctionPolicy
from app.fraud.rules import RapidRequests, RegularIntervals, Rule, SharedAddress
from config.settings import Settings

REGULAR_INTERVAL_ATTEMPTS = 20
DAY_SECONDS = 86_400


def configured_rules(settings: Settings) -> list[Rule]:
    """Rule 1 always, and each other rule if its threshold is set."""
    rules: list[Rule] = [RapidRequests(settings.fraud_rapid_max, settings.fraud_rapid_seconds)]
    if settings.fraud_clockwork_variation:
        rules.append(
            RegularIntervals(REGULAR_INTERVAL_ATTEMPTS, settings.fraud_clockwork_variation)
        )
    if settings.fraud_crowd_accounts:
        rules.append(SharedAddress(settings.fraud_crowd_accounts, ADDRESS_WINDOW_SECONDS))
    return rules


def attempt_times_needed(settings: Settings) -> int:
    """The number of attempts whose times the rules need."""
    return REGULAR_INTERVAL_ATTEMPTS if settings.fraud_clockwork_variation else 0


def configured_policy(settings: Settings) -> SanctionPolicy:
    """Which event flags, which one bans, for how long a flag holds, and the gap between events."""
    return SanctionPolicy(
        settings.fraud_ban_after,
        DAY_SECONDS,
        settings.fraud_flag_seconds,
        settings.fraud_rapid_seconds,
    )
