"""A request needs exactly one valid Host header (RFC 9112, section 3.2), in both processes."""

from __future__ import annotations

import pytest

from tests.support.api_requests import Api
from tests.support.system.harness import SystemHarness

pytestmark = pytest.mark.slow

LINE = b"GET /health/live HTTP/1.%d\r\n"
END = b"Connection: close\r\n\r\n"
INVALID = (
    b"",
    b"Host: a\r\nHost: a\r\n",
    b"Host: a\r\nHost: b\r\n",
    b"Host: a, b\r\n",
    b"Host: a b\r\n",
    b"Host: a/b\r\n",
    b"Host: user@a\r\n",
    b"Host: a:port\r\n",
    b"Host: a:80:80\r\n",
    b"Host: [::1\r\n",
    b"Host: ::1\r\n",
    b"Host: <script>\r\n",
)
VALID = (b"a", b"a.example:8000", b"a_b", b"127.0.0.1:80", b"[::1]", b"[::1]:8000", b"xn--a-0ga.")


@pytest.fixture(params=["api", "broadcaster"])
def server(request: pytest.FixtureRequest, running_system: SystemHarness) -> Api:
    """Each process of the system."""
    ports = {"api": running_system.ports[0], "broadcaster": running_system.broadcaster_port}
    return Api(f"http://127.0.0.1:{ports[request.param]}")


def status(server: Api, version: int, host: bytes) -> int:
    """The status of a request with that version and Host header."""
    reply = server.exchange(LINE % version + host + END)
    return int(reply.split(b" ", 2)[1])


@pytest.mark.parametrize("host", INVALID)
def test_a_request_without_one_valid_host_is_refused(server: Api, host: bytes) -> None:
    assert status(server, 1, host) == 400


@pytest.mark.parametrize("host", VALID)
def test_a_host_with_or_without_a_port_is_accepted(server: Api, host: bytes) -> None:
    assert status(server, 1, b"Host: %b\r\n" % host) == 200


def test_only_http_1_1_requires_a_host(server: Api) -> None:
    assert status(server, 0, b"") == 200
    assert status(server, 0, b"Host: a b\r\n") == 400
