"""Settings of rate limits."""

from __future__ import annotations

from dataclasses import dataclass

from limits import RateLimitItem

from config import parsers
from config.variables import variable


@dataclass(frozen=True)
class RateLimitSettings:
    # First, because it changes the defaults of the fields below.
    event_mode: bool = variable(
        "EVENT_MODE",
        "players and viewers may share one public address, as in a school or a company: raises"
        " the defaults of AUTH_LIMIT and READ_LIMIT",
        "false",
        parsers.boolean,
    )
    token_limit: tuple[RateLimitItem, ...] = variable(
        "TOKEN_LIMIT",
        "action tokens that a user may request",
        "10 per minute",
        parsers.rate_limits,
    )
    increment_limit: tuple[RateLimitItem, ...] = variable(
        "INCREMENT_LIMIT",
        "increments that a user may make",
        "5 per minute",
        parsers.rate_limits,
    )
    auth_limit: tuple[RateLimitItem, ...] = variable(
        "AUTH_LIMIT",
        "registrations, as many logins, and as many guesses of service keys, from one address",
        "60 per minute",
        parsers.rate_limits,
        event_default="1200 per minute",
    )
    read_limit: tuple[RateLimitItem, ...] = variable(
        "READ_LIMIT",
        "public reads of the board from one address",
        "6000 per minute",
        parsers.rate_limits,
        event_default="120000 per minute",
    )
    service_limit: tuple[RateLimitItem, ...] = variable(
        "SERVICE_LIMIT",
        "requests that one service key may make",
        "600 per minute",
        parsers.rate_limits,
    )
    login_failure_limit: RateLimitItem = variable(
        "LOGIN_FAILURE_LIMIT",
        "wrong passwords for an account from one address; from addresses that have not logged in to"
        " it before, three times as many, and ten times as many from one /24 or IPv6 /48",
        "10 per 15 minutes",
        parsers.rate_limit,
    )
