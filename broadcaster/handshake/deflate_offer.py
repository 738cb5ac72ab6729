"""Negotiates permessage-deflate without context takeover (RFC 7692, section 7)."""

from __future__ import annotations

from broadcaster.viewers.websocket.frames import WINDOW_BITS

NAME = "permessage-deflate"
_NO_CONTEXT = ("client_no_context_takeover", "server_no_context_takeover")
_WINDOW_BITS = frozenset(map(str, range(8, 16)))


def accepted_offer(header: str) -> str | None:
    """The extension of the reply to a header Sec-WebSocket-Extensions; None: no extension.

    Of several offers the first that can be accepted counts. All viewers get the same compressed
    bytes, so an offer of a smaller window than ours is not accepted.
    """
    return next(filter(None, map(_accepted, header.split(","))), None)


def _accepted(offer: str) -> str | None:
    name, *parts = (part.strip() for part in offer.split(";"))
    parameters = dict(_parameter(part) for part in parts)
    if name != NAME or len(parameters) < len(parts):
        return None
    server_bits = parameters.pop("server_max_window_bits", None)
    client_bits = parameters.pop("client_max_window_bits", "")
    if client_bits and client_bits not in _WINDOW_BITS:
        return None
    if any(name not in _NO_CONTEXT or value for name, value in parameters.items()):
        return None
    reply = "; ".join((NAME, *_NO_CONTEXT))
    if server_bits is None:
        return reply
    if server_bits not in _WINDOW_BITS or int(server_bits) < WINDOW_BITS:
        return None
    return f"{reply}; server_max_window_bits={WINDOW_BITS}"


def _parameter(text: str) -> tuple[str, str]:
    """The name and the value, "" if it has none; a value may be quoted."""
    name, separator, value = text.partition("=")
    value = value.strip().strip('"')
    # A value that is written but empty is never valid.
    return name.strip(), value or ("?" if separator else "")
