"""Settings of the processes: addresses, workers, proxies, origins, shutdown, logs and alerts."""

from __future__ import annotations

from dataclasses import dataclass

from config import parsers
from config.alert_urls import parse_alert_urls
from config.origins import parse_origins
from config.variables import variable

OWN_WORKER = "scoreboard"
"""The value of WEB_WORKER for app.server.worker."""


@dataclass(frozen=True)
class ServerSettings:
    host: str = variable(
        "HOST",
        "address to listen on; `::` for IPv6 and IPv4; empty: 127.0.0.1, or 0.0.0.0 if PORT is set",
        "",
        parsers.host,
    )
    port: int = variable("PORT", "port of the API and the page", "8000", parsers.integer(1, 65535))
    broadcaster_port: int = variable(
        "BROADCASTER_PORT", "port of the WebSocket broadcaster", "8001", parsers.integer(1, 65535)
    )
    web_upstream: tuple[str, int] | None = variable(
        "WEB_UPSTREAM",
        "host:port of the API, to which a broadcaster passes all requests that are not for itself,"
        " so that one port serves both; empty: it answers them with 404",
        "",
        parsers.host_port,
    )
    web_workers: int = variable("WEB_WORKERS", "gunicorn worker processes", "2", parsers.integer(1))
    web_threads: int = variable(
        "WEB_THREADS",
        "threads of each worker, in addition to those for action tokens, increments and passwords",
        "4",
        parsers.integer(1),
    )
    web_worker: str = variable(
        "WEB_WORKER",
        "worker of gunicorn: ours, or gunicorn's own gthread, which runs with every gunicorn",
        OWN_WORKER,
        parsers.one_of(OWN_WORKER, "gthread"),
    )
    web_pinned: bool | None = variable(
        "WEB_PINNED",
        "pin each worker of WEB_WORKER=scoreboard to one CPU; auto: if there are as many as CPUs",
        "auto",
        parsers.boolean_or_auto,
    )
    trusted_proxy_hops: int = variable(
        "TRUSTED_PROXY_HOPS",
        "number of proxies in front; each has to set the TRUSTED_PROXY_HEADERS",
        "0",
        parsers.integer(0),
    )
    trusted_proxy_headers: frozenset[str] = variable(
        "TRUSTED_PROXY_HEADERS",
        "the X-Forwarded-… headers that all these proxies set: for, proto, host, port;"
        " a client can set the others, so they are ignored",
        "for,proto",
        parsers.words("for", "proto", "host", "port"),
    )
    allowed_origins: tuple[str, ...] = variable(
        "ALLOWED_ORIGINS",
        "origins of pages that may open a WebSocket or read an event stream, comma-separated; `*`"
        " for all; a page of the broadcaster's own host and port always may; the first one is the"
        " page's address in display links and on displays",
        "http://127.0.0.1:8000,http://localhost:8000",
        parse_origins,
    )
    cors_origins: tuple[str, ...] = variable(
        "CORS_ORIGINS",
        "origins of other pages that may call the API, comma-separated; `*` for all; empty: none",
        "",
        parse_origins,
    )
    embed_origins: tuple[str, ...] = variable(
        "EMBED_ORIGINS",
        "origins of other pages that may show /embed/… in a frame, comma-separated; `*` for all;"
        " empty: none",
        "",
        parse_origins,
    )
    websocket_url: str = variable(
        "WEBSOCKET_URL",
        "WebSocket that the page connects to; `/ws`: at the page's own address; empty: the page's"
        " host at BROADCASTER_PORT",
        "",
        parsers.websocket_url,
    )
    admin_api: bool = variable(
        "ADMIN_API",
        "admins may call /api/admin from every address; false: only from this machine, and not at"
        " all if TRUSTED_PROXY_HOPS is set",
        "false",
        parsers.boolean,
    )
    metrics_token: str = variable(
        "METRICS_TOKEN",
        "bearer token for /metrics; empty: only this machine may read it, without a token, and it"
        " is closed if TRUSTED_PROXY_HOPS is set",
        "",
        parsers.bearer_token,
        secret=True,
    )
    shutdown_seconds: int = variable(
        "SHUTDOWN_SECONDS",
        "time for requests in flight to finish at shutdown",
        "30",
        parsers.integer(1),
    )
    reconnect_spread_ms: int = variable(
        "RECONNECT_SPREAD_MS",
        "viewers reconnect at a random time within this period after a shutdown",
        "10000",
        parsers.integer(1),
    )
    instance_name: str = variable(
        "INSTANCE_NAME", "this API server's name in `server_shutdown`; empty: host:port", ""
    )
    alert_urls: tuple[str, ...] = variable(
        "ALERT_URLS",
        "where alerts are sent: apprise URLs (Slack, mail …), separated by commas or white space",
        "",
        parse_alert_urls,
        secret=True,
    )
    log_level: str = variable("LOG_LEVEL", "lowest level that is logged", "INFO", parsers.log_level)
