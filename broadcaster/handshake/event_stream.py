"""The reply of `/stream`: its head is sent by the hub, and the events of a board follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Response, request

from app.network.client_address import client_address
from broadcaster.handshake.socket_handover import detach_request
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.hub import Hub

MEDIA_TYPE = "text/event-stream"
_HEADERS = {
    # A proxy must not hold back what it has got so far, or compress it.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Connection": "close",
}


class EventStream(Response):
    """Hands the socket of its request over to the hub, after its headers are complete."""

    def __init__(self, hub: Hub, audience: Audience) -> None:
        super().__init__(mimetype=MEDIA_TYPE)
        self._hub = hub
        self._audience = audience
        self._address = client_address()
        self._known_version = _known_version()
        self._head_only = request.method == "HEAD"

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Send the head, and let the viewer join; pywsgi gets nothing to send."""
        self.headers.update(_HEADERS)
        if self._head_only:
            return super().__call__(environ, start_response)
        lines = [f"{name}: {value}\r\n" for name, value in self.headers if name != "Content-Length"]
        head = "".join(["HTTP/1.1 200 OK\r\n", *lines, "\r\n"]).encode("latin-1")
        sock, early = detach_request(environ)
        self._hub.join_stream(sock, self._address, early, self._audience, head, self._known_version)
        return []


def _known_version() -> int | None:
    """The version that the client names when it connects again (HTML, section 9.2.4)."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None  # noqa: PLR2004
