"""Batches of requests under WSGI servers that call the app in one thread for each request.

Our own worker makes the batches itself (app/server/scoring_batches.py).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from app.concurrency.batching import is_in_batch
from app.concurrency.thread_batches import ThreadBatches

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class WsgiBatches:
    """WSGI middleware that answers requests of these routes (method and path) in batches.

    Each thread first reads the body of its own request, so no batch waits for a client. A request
    with a longer body than `max_body_bytes`, or of unknown length, is answered alone.
    """

    def __init__(
        self, app: WSGIApplication, routes: Container[tuple[str, str]], max_body_bytes: int
    ) -> None:
        self._app = app
        self._routes = routes
        self._max_body_bytes = max_body_bytes
        self._batches = ThreadBatches()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        route = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        if route not in self._routes or is_in_batch() or not self._read_body(environ):
            return self._app(environ, start_response)
        reply = _Reply(self._app, environ)
        self._batches.run(reply.make)
        return reply.send(start_response)

    def _read_body(self, environ: WSGIEnvironment) -> bool:
        """Read the whole body; False if the request must be answered alone."""
        length = environ.get("CONTENT_LENGTH") or _length_without_header(environ)
        if not (length.isascii() and length.isdigit()) or int(length) > self._max_body_bytes:
            return False
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(length)))
        return True


class _Reply:
    """The reply to one request: made in a batch, and sent by the request's own thread."""

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._app = app
        self._environ = environ
        self._start: tuple[Any, ...] = ()
        self._body = b""
        self._error: Exception | None = None

    def make(self) -> None:
        """Call the app and keep what it replies or raises."""
        try:
            content = self._app(self._environ, self._start_response)
            try:
                self._body = b"".join(content)
            finally:
                if hasattr(content, "close"):
                    content.close()
        except Exception as error:  # noqa: BLE001 - raised again in the thread of the request
            self._error = error

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the reply to the server; raises what the app raised."""
        if self._error is not None:
            raise self._error
        start_response(*self._start)
        return (self._body,)

    def _start_response(self, *arguments: Any) -> Any:
        self._start = arguments


def _length_without_header(environ: WSGIEnvironment) -> str:
    # Only a body in chunks has no Content-Length.
    return "" if "HTTP_TRANSFER_ENCODING" in environ else "0"
