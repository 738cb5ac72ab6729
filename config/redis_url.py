"""Parses REDIS_URL: one server, a cluster, or the master that Sentinel names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Kind = Literal["server", "cluster", "sentinel"]
Address = tuple[str, int]

_KINDS: Mapping[str, Kind] = {
    "redis": "server",
    "rediss": "server",
    "unix": "server",
    "redis+cluster": "cluster",
    "redis+sentinel": "sentinel",
}
_DEFAULT_PORTS: Mapping[Kind, int] = {"server": 6379, "cluster": 6379, "sentinel": 26379}
_NODE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_TLS = ("ssl_ca_certs", "ssl_cert_reqs", "ssl_check_hostname", "ssl_certfile", "ssl_keyfile")
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "redis": ("db",),
    "rediss": ("db", *_TLS),
    "unix": ("db", "password"),
    "redis+cluster": ("tls", *_TLS),
    "redis+sentinel": ("sentinel_username", "sentinel_password", "tls", *_TLS),
}
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Login:
    """A user of Redis' ACL; None for the default user or no password."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RedisUrl:
    """Where Redis is and how to connect to it."""

    kind: Kind
    nodes: tuple[Address, ...]
    """The server, some nodes of the cluster or the Sentinels; empty for a Unix socket."""
    login: Login = Login()
    sentinel_login: Login = Login()
    socket_path: str = ""
    service: str = ""
    """The master's name at the Sentinels."""
    database: int = 0
    tls: Mapping[str, str | bool] | None = None
    """The ssl_* arguments of redis-py; None: no TLS."""


def parse_redis_url(text: str) -> RedisUrl:
    """Parse the URL; raises ValueError, whose message quotes no secret."""
    parts = urlsplit(text)
    kind = _KINDS.get(parts.scheme)
    if kind is None or "://" not in text:
        schemes = [f"{scheme}://" for scheme in _KINDS]
        raise ValueError(f"must start with {', '.join(schemes[:-1])} or {schemes[-1]}")
    if parts.fragment:
        raise ValueError("must contain no #; write # in a password as %23")
    parameters = _parameters(parts)
    user_info, _, hosts = parts.netloc.rpartition("@")
    if parts.scheme == "unix":
        login = _login(user_info)
        login = replace(login, password=parameters.get("password", login.password))
        path = unquote(parts.path)
        return RedisUrl(kind, (), login, socket_path=path, database=_database(parameters.get("db")))
    service, database = _path(kind, parts.path)
    return RedisUrl(
        kind=kind,
        nodes=_nodes(kind, hosts),
        login=_login(user_info),
        sentinel_login=Login(
            parameters.get("sentinel_username"), parameters.get("sentinel_password")
        ),
        service=service,
        database=_database(parameters.get("db", database)),
        tls=_tls(parts.scheme, parameters),
    )


def with_parameters(text: str, parameters: str) -> str:
    """The URL with more parameters, for a URL that a hosting platform sets and changes."""
    if not parameters:
        return text
    return f"{text}{'&' if '?' in text else '?'}{parameters}"


def _parameters(parts: SplitResult) -> dict[str, str]:
    allowed = _PARAMETERS[parts.scheme]
    found = parse_qsl(parts.query, keep_blank_values=True)
    # Timeouts and retries are not allowed either, because our guarantees depend on our own.
    if any(name not in allowed for name, _ in found):
        raise ValueError(f"must have no parameters after ? except {', '.join(allowed)}")
    return dict(found)


def _login(user_info: str) -> Login:
    username, _, password = user_info.partition(":")
    return Login(unquote(username) or None, unquote(password) or None)


def _nodes(kind: Kind, hosts: str) -> tuple[Address, ...]:
    if kind == "server":
        return (_node(kind, hosts or "localhost"),)
    return tuple(_node(kind, each) for each in hosts.split(","))


def _node(kind: Kind, text: str) -> Address:
    matched = _NODE.fullmatch(text)
    if matched is None:
        several = "" if kind == "server" else "[,host:port…]"
        raise ValueError(f"must be host:port{several}, with / ? # @ in a password percent-encoded")
    return matched["host"].strip("[]"), int(matched["port"] or _DEFAULT_PORTS[kind])


def _path(kind: Kind, path: str) -> tuple[str, str]:
    """The Sentinel's service and the database."""
    words = [unquote(word) for word in path.strip("/").split("/") if word]
    if kind == "cluster" and words not in ([], ["0"]):
        raise ValueError("must have no database number: a cluster has only one database")
    if kind == "sentinel":
        if len(words) not in {1, 2}:
            raise ValueError("must end in /service or /service/db, the master's name at Sentinel")
        return words[0], words[1] if words[1:] else "0"
    if len(words) > 1:
        raise ValueError("must end in the number of a database, for example /0")
    return "", words[0] if words else "0"


def _database(text: str | None) -> int:
    if text and not text.isdecimal():
        raise ValueError("must end in the number of a database, for example /0")
    return int(text or 0)


def _tls(scheme: str, parameters: Mapping[str, str]) -> dict[str, str | bool] | None:
    options: dict[str, str | bool] = {name: parameters[name] for name in _TLS if name in parameters}
    if scheme != "rediss" and not _boolean("tls", parameters.get("tls", "false")):
        if options:
            raise ValueError("must have tls=true if it has ssl_… parameters")
        return None
    if options.get("ssl_cert_reqs", "required") not in {"none", "optional", "required"}:
        raise ValueError("must have none, optional or required as ssl_cert_reqs")
    if "ssl_check_hostname" in parameters:
        checked = _boolean("ssl_check_hostname", parameters["ssl_check_hostname"])
        options["ssl_check_hostname"] = checked
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        if name in parameters and not Path(parameters[name]).is_file():
            raise ValueError(f"must have an existing file as {name}")
    return options


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"must have true or false as {name}")
    return _BOOLEANS[text.lower()]
