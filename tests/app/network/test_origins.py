"""Which origins are those of the host that a request was sent to."""

from __future__ import annotations

import pytest

from app.network.origins import is_own_origin


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8001", "127.0.0.1:8001"),
        ("ws://127.0.0.1:8001", "127.0.0.1:8001"),
        ("http://board.example", "board.example"),
        ("http://board.example:80", "board.example"),
        ("https://board.example", "board.example:443"),
        ("https://board.example:443", "board.example"),
        # The proxy may end TLS without X-Forwarded-Proto.
        ("https://board.example", "board.example"),
        ("wss://board.example", "board.example"),
        ("HTTPS://Board.Example", "board.example"),
        ("http://[::1]:8001", "[::1]:8001"),
        ("https://[2001:DB8::1]", "[2001:db8::1]"),
    ],
)
def test_an_origin_with_the_host_and_port_of_the_request_is_its_own(origin: str, host: str) -> None:
    assert is_own_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8001"),
        ("http://board.example:8001", "board.example"),
        ("http://board.example", "board.example:8001"),
        ("http://board.example", "board.example:443"),
        ("https://evil.example", "board.example"),
        ("https://board.example.evil.example", "board.example"),
        ("https://evil.board.example", "board.example"),
        ("https://board.example@evil.example", "board.example"),
        ("https://board.example#", "board.example"),
        ("https://board.example/path", "board.example"),
        ("https://board.example:", "board.example"),
        ("https://board.example:443:443", "board.example"),
        ("ftp://board.example", "board.example"),
        ("file://", ""),
        ("null", "null"),
        ("", ""),
        ("https://", ""),
        ("board.example", "board.example"),
        ("https://board.example", "board.example, evil.example"),
        ("https://a b", "a b"),
        ("https://[::1", "[::1"),
    ],
)
def test_any_other_origin_is_not(origin: str, host: str) -> None:
    assert not is_own_origin(origin, host)
