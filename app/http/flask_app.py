"""Flask without work that no request of this API needs: docs/decisions/0021-leaner-requests.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class _Json(DefaultJSONProvider):
    compact = True
    ensure_ascii = False
    sort_keys = False

    def dumps(self, obj: Any, **options: Any) -> str:
        text = super().dumps(obj, **options)
        if text.isascii():
            return text
        # UTF-8 can't encode a lone surrogate, which a client may send as a field's name. JSON
        # escapes it in the same way as Python.
        return text.encode(errors="backslashreplace").decode()


class _Reply(Response):
    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        # Werkzeug copies the headers and checks each one again. That is needed for redirects, for
        # replies without a body and for replies of unknown length.
        needs_no_change = self.status_code == 200 or self.status_code >= 400  # noqa: PLR2004
        if needs_no_change and "Content-Length" in self.headers:
            return self.headers
        return super().get_wsgi_headers(environ)


class SyncFlask(Flask):
    """A Flask app whose views and hooks are plain functions, never coroutines."""

    json_provider_class = _Json
    response_class = _Reply

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is None:
            return super().create_url_adapter(None)
        # Flask reads the host twice and encodes it for domains, on which no route here depends.
        request.host = get_host(request.environ)
        return MapAdapter(
            self.url_map,
            request.host,
            request.root_path,
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode(errors="replace"),
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        # Flask asks for each hook of each request whether it is a coroutine function.
        return func
