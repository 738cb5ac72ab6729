"""One frozen Settings from the environment, which nothing else of the system reads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from environs import Env, EnvError
from limits import RateLimitItem

from config import parsers
from config.alert_urls import parse_alert_urls
from config.origins import parse_origins
from config.redis_url import RedisUrl, parse_redis_url, with_parameters
from config.rsa_keys import parse_private_key, parse_public_keys
from config.variables import Variable, complaint, variable

BCRYPT_COSTS = range(4, 32)


class InvalidSettings(Exception):
    """The environment can't be used; the message names every bad variable, one a line."""


@dataclass(frozen=True)
class Settings:
    """All that an operator can set, read and checked once at start."""

    database_url: str = variable(
        "DATABASE_URL", "PostgreSQL, the truth", None, parsers.postgres_url, secret=True
    )
    database_read_url: str = variable(
        "DATABASE_READ_URL",
        "a streaming replica of it for reads of the board; empty: none",
        "",
        parsers.optional_postgres_url,
        secret=True,
    )
    redis_url: RedisUrl = variable(
        "REDIS_URL",
        "Redis or Valkey: one server, Sentinel, Cluster or TLS (`docs/deploy.md`)",
        None,
        parse_redis_url,
        secret=True,
    )
    redis_url_parameters: str = variable(
        "REDIS_URL_PARAMETERS",
        "added to a REDIS_URL that a host hands out: `ssl_cert_reqs=none`, say",
        "",
    )
    jwt_private_key: RSAPrivateKey = variable(
        "JWT_PRIVATE_KEY", "RSA key in PEM that signs JWTs", None, parse_private_key, secret=True
    )
    jwt_public_keys: tuple[RSAPublicKey, ...] = variable(
        "JWT_PUBLIC_KEYS",
        "further public keys in PEM still accepted, for rotation",
        "",
        parse_public_keys,
    )
    action_token_secret: bytes = variable(
        "ACTION_TOKEN_SECRET",
        "HMAC secret of action tokens, 32 bytes at least",
        None,
        parsers.secret_bytes,
        secret=True,
    )
    jwt_issuer: str = variable("JWT_ISSUER", "`iss` of JWTs", "live-scoreboard")
    jwt_audience: str = variable("JWT_AUDIENCE", "`aud` of JWTs", "live-scoreboard")
    host: str = variable(
        "HOST", "address to listen on; empty: 127.0.0.1, or 0.0.0.0 where PORT is set", ""
    )
    port: int = variable("PORT", "port of the API and the page", "8000", parsers.integer(1, 65535))
    broadcaster_port: int = variable(
        "BROADCASTER_PORT", "port of the WebSocket broadcaster", "8001", parsers.integer(1, 65535)
    )
    web_workers: int = variable("WEB_WORKERS", "gunicorn worker processes", "2", parsers.integer(1))
    web_threads: int = variable(
        "WEB_THREADS",
        "threads in each worker, beside those for tokens and increments",
        "4",
        parsers.integer(1),
    )
    web_pinned: bool | None = variable(
        "WEB_PINNED",
        "each worker keeps to one CPU; auto: where there are as many workers as CPUs",
        "auto",
        parsers.boolean_or_auto,
    )
    token_limit: tuple[RateLimitItem, ...] = variable(
        "TOKEN_LIMIT", "action tokens a user may ask for", "10 per minute", parsers.rate_limits
    )
    increment_limit: tuple[RateLimitItem, ...] = variable(
        "INCREMENT_LIMIT", "increments a user may make", "5 per minute", parsers.rate_limits
    )
    auth_limit: tuple[RateLimitItem, ...] = variable(
        "AUTH_LIMIT", "register and login, each by address", "60 per minute", parsers.rate_limits
    )
    read_limit: tuple[RateLimitItem, ...] = variable(
        "READ_LIMIT",
        "public reads of the board, by address",
        "6000 per minute",
        parsers.rate_limits,
    )
    login_failure_limit: RateLimitItem = variable(
        "LOGIN_FAILURE_LIMIT",
        "wrong passwords for an account from one address; in all thrice as many from new ones",
        "10 per 15 minutes",
        parsers.rate_limit,
    )
    fraud_rapid_max: int = variable(
        "FRAUD_RAPID_MAX", "attempts of one kind that are no cheating", "8", parsers.integer(1)
    )
    fraud_rapid_seconds: int = variable(
        "FRAUD_RAPID_SECONDS", "window in which they are counted", "10", parsers.integer(1)
    )
    fraud_ban_after: int = variable(
        "FRAUD_BAN_AFTER", "the fraud event within 24 h that bans", "3", parsers.integer(1)
    )
    fraud_flag_seconds: int = variable(
        "FRAUD_FLAG_SECONDS", "how long a flag halves the limits", "3600", parsers.integer(1)
    )
    fraud_clockwork_variation: float = variable(
        "FRAUD_CLOCKWORK_VARIATION",
        "the last 20 attempts' intervals must vary by more than this, 0.05 say; 0: rule off",
        "0",
        parsers.fraction,
    )
    fraud_crowd_accounts: int = variable(
        "FRAUD_CROWD_ACCOUNTS",
        "accounts that may act from one address within a minute; 0: rule off",
        "0",
        parsers.integer(0),
    )
    bcrypt_cost: int = variable(
        "BCRYPT_COST",
        "work factor of password hashes, 10 at least outside tests",
        "12",
        parsers.integer(BCRYPT_COSTS.start, BCRYPT_COSTS.stop - 1),
    )
    access_token_seconds: int = variable(
        "ACCESS_TOKEN_SECONDS", "life of an access token", "900", parsers.integer(1)
    )
    refresh_token_seconds: int = variable(
        "REFRESH_TOKEN_SECONDS", "life of a refresh token", "604800", parsers.integer(1)
    )
    action_token_seconds: int = variable(
        "ACTION_TOKEN_SECONDS", "life of an action token", "60", parsers.integer(1)
    )
    broadcast_interval_ms: int = variable(
        "BROADCAST_INTERVAL_MS",
        "least time between two boards to a viewer",
        "100",
        parsers.integer(1),
    )
    heartbeat_seconds: int = variable(
        "HEARTBEAT_SECONDS", "a viewer silent for so long is pinged", "25", parsers.integer(1)
    )
    max_viewers: int = variable(
        "MAX_VIEWERS",
        "viewers a broadcaster holds; each is a file descriptor",
        "15000",
        parsers.integer(1),
    )
    max_viewers_per_user: int = variable(
        "MAX_VIEWERS_PER_USER", "of them, those of one user", "1000", parsers.integer(1)
    )
    max_viewers_per_address: int = variable(
        "MAX_VIEWERS_PER_ADDRESS", "of them, those from one address", "10000", parsers.integer(1)
    )
    new_viewers_per_second: int = variable(
        "NEW_VIEWERS_PER_SECOND", "handshakes a broadcaster takes up", "1000", parsers.integer(1)
    )
    max_message_bytes: int = variable(
        "MAX_MESSAGE_BYTES", "longest message of a viewer", "4096", parsers.integer(125)
    )
    messages_per_second: int = variable(
        "MESSAGES_PER_SECOND",
        "messages and other frames of a viewer; twice as many at once",
        "20",
        parsers.integer(1),
    )
    shutdown_seconds: int = variable(
        "SHUTDOWN_SECONDS", "time that requests in flight get at shutdown", "30", parsers.integer(1)
    )
    reconnect_spread_ms: int = variable(
        "RECONNECT_SPREAD_MS",
        "at shutdown viewers are told to come back at random within this time",
        "10000",
        parsers.integer(1),
    )
    instance_name: str = variable(
        "INSTANCE_NAME", "this API server's name in `server_shutdown`; empty: host:port", ""
    )
    trusted_proxy_hops: int = variable(
        "TRUSTED_PROXY_HOPS", "proxies whose X-Forwarded-* are believed", "0", parsers.integer(0)
    )
    admin_api: bool = variable(
        "ADMIN_API",
        "admins may call /api/admin from everywhere, not from this machine only",
        "false",
        parsers.boolean,
    )
    metrics_token: str = variable(
        "METRICS_TOKEN",
        "bearer token that opens /metrics; empty: this machine only, where none is needed",
        "",
        parsers.bearer_token,
        secret=True,
    )
    allowed_origins: tuple[str, ...] = variable(
        "ALLOWED_ORIGINS",
        "origins of pages that may open a WebSocket, comma-separated; `*` for all",
        "http://127.0.0.1:8000,http://localhost:8000",
        parse_origins,
    )
    cors_origins: tuple[str, ...] = variable(
        "CORS_ORIGINS",
        "origins of other pages that may call the API, comma-separated; `*` for all; empty: none",
        "",
        parse_origins,
    )
    websocket_url: str = variable(
        "WEBSOCKET_URL",
        "where the page finds its WebSocket; empty: the page's host at BROADCASTER_PORT",
        "",
        parsers.websocket_url,
    )
    alert_urls: tuple[str, ...] = variable(
        "ALERT_URLS",
        "where alerts go: apprise's URLs (Slack, mail, webhooks …), between commas or white space",
        "",
        parse_alert_urls,
        secret=True,
    )
    log_level: str = variable("LOG_LEVEL", "least level that is logged", "INFO", parsers.log_level)


VARIABLES: tuple[Variable, ...] = tuple(f.metadata["variable"] for f in fields(Settings))


def load_settings() -> Settings:
    """Read the environment once.

    Raises InvalidSettings that names everything that is missing or malformed, not just the first.
    """
    env = Env()
    values: dict[str, Any] = {}
    problems: list[str] = []
    for each in fields(Settings):
        declared: Variable = each.metadata["variable"]
        try:
            values[each.name] = _read(env, declared)
        except EnvError:
            problems.append(f"  {declared.name} is not set: {declared.explanation}")
        except ValueError as error:
            problems.append(f"  {declared.name} {complaint(error, declared)}")
    if problems:
        raise InvalidSettings("\n".join(["The settings can't be used:", *problems]))
    values["host"] = values["host"] or _default_host(env)
    return Settings(**values)


def _default_host(env: Env) -> str:
    # As gunicorn does: who chooses the port is a host that routes to it from outside.
    return "0.0.0.0" if env.str("PORT", "") else "127.0.0.1"  # noqa: S104 - meant


def _read(env: Env, declared: Variable) -> Any:
    # Compose hands on an unset variable as an empty one.
    text = env.str(declared.name, "") or declared.default
    if text is None:
        raise EnvError(declared.name)
    if declared.name == "REDIS_URL":
        text = with_parameters(text, env.str("REDIS_URL_PARAMETERS", ""))
    return declared.parse(text)
