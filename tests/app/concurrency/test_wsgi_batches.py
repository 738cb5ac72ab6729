"""The middleware that answers requests of several threads in batches."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from app.concurrency.batching import is_in_batch
from app.concurrency.wsgi_batches import WsgiBatches

MAX_BODY_BYTES = 10
ROUTES = frozenset({("POST", "/score")})


class Application:
    """Replies with the body of the request, and remembers whether it ran in a batch."""

    def __init__(self) -> None:
        self.in_batch: list[bool] = []
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.in_batch.append(is_in_batch())
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if body == b"fail":
            raise ValueError("failed")
        start_response("201 CREATED", [("X-Length", str(len(body)))])
        return _Content(self, body)

    def note_close(self) -> None:
        self.closed += 1


class _Content:
    def __init__(self, app: Application, body: bytes) -> None:
        self._app, self._parts = app, iter([body, b"."])

    def __iter__(self) -> _Content:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        self._app.note_close()


@pytest.mark.parametrize(
    ("method", "path", "body", "batched"),
    [
        ("POST", "/score", b"0123456789", True),
        ("POST", "/score", b"", True),
        ("POST", "/score", b"0123456789a", False),
        ("GET", "/score", b"", False),
        ("POST", "/score/", b"", False),
    ],
)
def test_requests_of_the_routes_with_a_short_body_are_batched(
    method: str, path: str, body: bytes, batched: bool
) -> None:
    app = Application()
    reply = Client(WsgiBatches(app, ROUTES, MAX_BODY_BYTES)).open(path, method=method, data=body)
    assert (reply.status, reply.headers["X-Length"]) == ("201 CREATED", str(len(body)))
    assert reply.data == body + b"."
    assert app.in_batch == [batched]
    reply.close()
    assert app.closed == 1


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "1_0"},
        {"CONTENT_LENGTH": "²"},
    ],
)
def test_a_body_of_unknown_length_is_left_to_the_app(variables: dict[str, str]) -> None:
    environ = EnvironBuilder("/score", method="POST", data=b"abc").get_environ() | variables
    seen: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return []

    run_wsgi_app(WsgiBatches(app, ROUTES, MAX_BODY_BYTES), environ)
    assert seen == [b"abc"]


def test_what_the_app_raises_reaches_the_server() -> None:
    middleware = WsgiBatches(Application(), ROUTES, MAX_BODY_BYTES)
    with pytest.raises(ValueError, match="failed"):
        Client(middleware).post("/score", data=b"fail")
    assert Client(middleware).post("/score", data=b"next").data == b"next."


def test_a_client_that_sends_its_body_slowly_delays_no_other_request() -> None:
    arrived, may_send = threading.Event(), threading.Event()

    class SlowInput(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            arrived.set()
            assert may_send.wait(10)
            return super().read(size)

    middleware = WsgiBatches(Application(), ROUTES, MAX_BODY_BYTES)
    slow = EnvironBuilder("/score", method="POST", data=b"slow").get_environ()
    slow["wsgi.input"] = SlowInput(b"slow")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run_wsgi_app, middleware, slow)
        assert arrived.wait(10)
        assert Client(middleware).post("/score", data=b"quick").data == b"quick."
        may_send.set()
        content, status, _ = waiting.result(10)
        assert (b"".join(content), status) == (b"slow.", "201 CREATED")
