"""The policy that restricts a page to this server's own files (Content Security Policy 3)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from config.settings import Settings

NONE = "'none'"
SELF = "'self'"
_HTTP_SCHEMES = {"ws": "http", "wss": "https"}
_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?")


def content_security_policy(
    broadcaster: tuple[str, ...], *, ancestors: str = NONE, base: str = NONE
) -> str:
    """Allows this server's own files, and connections to it and to `broadcaster` (CSP 3).

    `ancestors` are the sources of pages that may frame this one, `base` those of its <base>.
    """
    directives = {
        "default-src": NONE,
        "script-src": SELF,
        "style-src": SELF,
        "img-src": "'self' data:",
        "font-src": SELF,
        "connect-src": " ".join((SELF, *broadcaster)),
        "base-uri": base,
        "form-action": NONE,
        "frame-ancestors": ancestors,
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def broadcaster_sources(settings: Settings, host: str) -> tuple[str, ...]:
    """CSP sources of the WebSocket and the event stream; `host` is the Host header, with port.

    Both schemes, because a proxy may end TLS without a header that says so.
    """
    own_path = settings.websocket_url.startswith("/")
    if settings.websocket_url and not own_path:
        url = urlsplit(settings.websocket_url)
        return (f"{url.scheme}://{url.netloc}", f"{_HTTP_SCHEMES[url.scheme]}://{url.netloc}")
    match = _HOST.fullmatch(host)
    if match is None:
        return ()
    # CSP's grammar has no IPv6 address, so only the port restricts the source.
    name = "*" if match["name"].startswith("[") else match["name"]
    port = match["port"] or "" if own_path else f":{settings.broadcaster_port}"
    authority = f"{name}{port}"
    websockets = (f"ws://{authority}", f"wss://{authority}")
    # The stream of a broadcaster at the page's own address is this server's own.
    return websockets if own_path else (*websockets, f"http://{authority}", f"https://{authority}")
