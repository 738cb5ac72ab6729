"""Head and body of a reply are one write, where there is a body."""

from __future__ import annotations

from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create

from config.whole_replies import send_whole

CLIENT, SERVER = ("127.0.0.1", 40000), ("127.0.0.1", 80)


class Writes:
    """Stands for the client's socket, and keeps each write."""

    def __init__(self) -> None:
        self.each: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.each.append(data)


def writes(method: str, status: str, *body: bytes) -> list[bytes]:
    """What gunicorn writes of a reply to that method, in which `body` comes piece by piece."""
    settings, sock = Config(), Writes()
    request = next(
        RequestParser(settings, iter([f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode()]), CLIENT)
    )
    response, environ = create(request, sock, CLIENT, SERVER, settings)
    length = str(sum(len(piece) for piece in body))
    response.start_response(status, [("Content-Length", length)])
    send_whole(response, environ, list(body))
    for piece in body:
        response.write(piece)
    response.close()
    return sock.each


def test_the_head_leaves_with_the_beginning_of_the_body() -> None:
    whole, rest = writes("GET", "200 OK", b"first", b"second")
    head, _, body = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (body, rest) == (b"first", b"second")


def test_a_head_without_a_body_is_not_kept_back() -> None:
    for method, status, body in (
        ("HEAD", "200 OK", b"left out"),
        ("GET", "304 Not Modified", b"left out"),
        ("GET", "200 OK", b""),
    ):
        (head,) = [each for each in writes(method, status, body) if each]
        assert head.endswith(b"\r\n\r\n")
