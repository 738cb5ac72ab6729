"""Settings of the fraud rules."""

from __future__ import annotations

from dataclasses import dataclass

from config import parsers
from config.variables import variable


@dataclass(frozen=True)
class FraudSettings:
    fraud_rapid_max: int = variable(
        "FRAUD_RAPID_MAX",
        "attempts of one kind within FRAUD_RAPID_SECONDS that are allowed",
        "8",
        parsers.integer(1),
    )
    fraud_rapid_seconds: int = variable(
        "FRAUD_RAPID_SECONDS",
        "window in which attempts are counted, and least time between two fraud events",
        "10",
        parsers.integer(1),
    )
    fraud_ban_after: int = variable(
        "FRAUD_BAN_AFTER", "number of fraud events within 24 h that bans", "3", parsers.integer(1)
    )
    fraud_flag_seconds: int = variable(
        "FRAUD_FLAG_SECONDS", "time for which a flag halves the limits", "3600", parsers.integer(1)
    )
    fraud_clockwork_variation: float = variable(
        "FRAUD_CLOCKWORK_VARIATION",
        "least variation allowed between the last 20 attempts, for example 0.05; 0: rule off",
        "0",
        parsers.fraction,
    )
    fraud_crowd_accounts: int = variable(
        "FRAUD_CROWD_ACCOUNTS",
        "accounts that may act from one address within a minute; 0: rule off",
        "0",
        parsers.integer(0),
    )
