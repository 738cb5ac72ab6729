"""The settings of a process, read from the environment once. No other module reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from environs import Env, EnvError

from config.fraud_settings import FraudSettings
from config.identity_settings import (
    LEAST_SAFE_BCRYPT_COST,
    IdentitySettings,
    VerificationSettings,
)
from config.rate_limit_settings import RateLimitSettings
from config.redis_url import with_parameters
from config.server_settings import ServerSettings
from config.storage_settings import DatabaseSettings, StorageSettings
from config.variables import Variable, problem
from config.viewer_settings import ViewerSettings


class InvalidSettings(Exception):
    """The environment can't be used; the message names every wrong variable, one a line."""


@dataclass(frozen=True)
class BroadcasterSettings(
    # Dataclasses collect fields from the last base to the first, so this list is in reverse.
    ViewerSettings,
    ServerSettings,
    VerificationSettings,
    StorageSettings,
):
    """What a broadcaster needs; it can sign nothing."""


@dataclass(frozen=True)
class Settings(FraudSettings, RateLimitSettings, IdentitySettings, BroadcasterSettings):
    """Everything that an operator can set; the API and operators' commands need all of it."""


VARIABLES: tuple[Variable, ...] = tuple(f.metadata["variable"] for f in fields(Settings))
Kind = TypeVar("Kind", bound=DatabaseSettings)


def load_settings() -> Settings:
    """The settings of the API and of operators' commands; raises InvalidSettings."""
    return load(Settings)


def load(kind: type[Kind]) -> Kind:
    """Read and check the environment for a kind of process.

    Only the settings of `kind` may be required, but every variable that is set is checked. Raises
    InvalidSettings, which names every missing or malformed variable, not just the first.
    """
    env = Env()
    own = {each.name for each in fields(kind)}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for each in fields(Settings):
        declared: Variable = each.metadata["variable"]
        try:
            values[each.name] = _read(env, declared, event=values.get("event_mode", False))
        except EnvError:
            if each.name in own:
                problems.append(f"  {declared.name} is not set: {declared.explanation}")
        except ValueError as error:
            problems.append(f"  {declared.name} {problem(error, declared)}")
    if "jwt_private_key" in values:
        key = values["jwt_private_key"].public_key()
        values["jwt_public_keys"] = (key, *values.get("jwt_public_keys", ()))
    problems += _contradictions(own, values)
    if problems:
        raise InvalidSettings("\n".join(["The settings can't be used:", *problems]))
    values["host"] = values["host"] or _default_host(env)
    return kind(**{name: values[name] for name in own})


def unused_port() -> str:
    """PORT, if it is set and BROADCASTER_PORT is not, so that a broadcaster ignores it; else ""."""
    env = Env()
    return "" if env.str("BROADCASTER_PORT", "") else env.str("PORT", "")


def _contradictions(own: set[str], values: dict[str, Any]) -> Iterator[str]:
    """Problems of values that are valid alone."""
    verifies_only = "jwt_public_keys" in own and "jwt_private_key" not in own
    if verifies_only and values.get("jwt_public_keys") == ():
        yield "  JWT_PUBLIC_KEYS is not set: the public key of the API's JWT_PRIVATE_KEY, in PEM"
    cost = values.get("bcrypt_cost", LEAST_SAFE_BCRYPT_COST)
    if cost < LEAST_SAFE_BCRYPT_COST and not values.get("weak_password_hashes"):
        yield f"  BCRYPT_COST must be at least {LEAST_SAFE_BCRYPT_COST}, for example 12"


def _default_host(env: Env) -> str:
    # As gunicorn does: a platform that sets PORT routes to it from outside.
    return "0.0.0.0" if env.str("PORT", "") else "127.0.0.1"  # noqa: S104 - intended


def _read(env: Env, declared: Variable, *, event: bool) -> Any:
    default = declared.event_default if event and declared.event_default else declared.default
    # Docker Compose passes an unset variable as an empty one.
    text = env.str(declared.name, "") or default
    if text is None:
        raise EnvError(declared.name)
    if declared.name == "REDIS_URL":
        text = with_parameters(text, env.str("REDIS_URL_PARAMETERS", ""))
    return declared.parse(text)
