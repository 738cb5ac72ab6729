"""The rules that the settings switch on."""

from __future__ import annotations

from app.fraud.judge import Consequences
from app.fraud.rules import Clockwork, Crowd, RapidRequests, Rule
from app.stores.crowds import CROWD_SECONDS
from config.settings import Settings

CLOCKWORK_ATTEMPTS = 20
DAY_SECONDS = 86_400


def configured_rules(settings: Settings) -> list[Rule]:
    """Rule 1 always, the others where their threshold is set."""
    rules: list[Rule] = [RapidRequests(settings.fraud_rapid_max, settings.fraud_rapid_seconds)]
    if settings.fraud_clockwork_variation:
        rules.append(Clockwork(CLOCKWORK_ATTEMPTS, settings.fraud_clockwork_variation))
    if settings.fraud_crowd_accounts:
        rules.append(Crowd(settings.fraud_crowd_accounts, CROWD_SECONDS))
    return rules


def rhythm_length(settings: Settings) -> int:
    """How many attempts' times the rules need."""
    return CLOCKWORK_ATTEMPTS if settings.fraud_clockwork_variation else 0


def configured_consequences(settings: Settings) -> Consequences:
    """When events flag and when they ban."""
    return Consequences(settings.fraud_ban_after, DAY_SECONDS, settings.fraud_flag_seconds)
