"""The ports of the API and the broadcaster: whether they are free, and whether a server answers."""

from __future__ import annotations

import errno
import http.client
import socket

from config.settings import Settings

HEALTH = "/health"
_ANSWER_SECONDS = 2


class PortTaken(Exception):
    """An address of the settings can't be used; the message names the variable to change."""


def check_ports(settings: Settings) -> None:
    """Raise PortTaken unless web and broadcaster can listen on their ports."""
    if settings.port == settings.broadcaster_port:
        raise PortTaken(f"PORT and BROADCASTER_PORT are both {settings.port}")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    both = settings.host == "::" and socket.has_dualstack_ipv6()
    for variable, port in (
        ("PORT", settings.port),
        ("BROADCASTER_PORT", settings.broadcaster_port),
    ):
        try:
            socket.create_server((settings.host, port), family=family, dualstack_ipv6=both).close()
        except OSError as error:
            raise PortTaken(_problem(error, settings.host, variable, port)) from None


def _problem(error: OSError, host: str, variable: str, port: int) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return (
            f"HOST={host} is no address of this machine; set HOST to one of its addresses, or to"
            " 0.0.0.0 for all of them"
        )
    return f"port {port} can't be used ({error.strerror}); set {variable} to another one"


def local_address(host: str) -> str:
    """The address at which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared


def health_status(host: str, port: int) -> int | None:
    """The status of GET /health, or None if the server doesn't answer."""
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", HEALTH)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
