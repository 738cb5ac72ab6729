"""Flask, less what this API has no use for and each request would pay for."""

from __future__ import annotations

from collections.abc import Callable
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


# json.dumps makes an encoder at each call that isn't after its defaults.
_written = JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=DefaultJSONProvider.default
).encode


class _Json(DefaultJSONProvider):
    def dumps(self, obj: Any, **_options: Any) -> str:
        # A lone surrogate, which a client may send as a field's name, is no UTF-8; JSON's escape
        # of it is Python's.
        return _written(obj).encode(errors="backslashreplace").decode()


class _Reply(Response):
    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        # Werkzeug copies the headers and checks each once more, for what a redirect, a reply
        # without a body or one of unknown length needs.
        whole = self.status_code == 200 or self.status_code >= 400  # noqa: PLR2004
        if whole and "Content-Length" in self.headers:
            return self.headers
        return super().get_wsgi_headers(environ)


class SyncFlask(Flask):
    """All its views and hooks are plain functions."""

    json_provider_class = _Json
    response_class = _Reply

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is None:
            return super().create_url_adapter(request)
        # Flask's own looks at the host twice, and encodes it for domains that no route here has.
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
        # Flask's own looks at each hook of each request, whether it is a coroutine.
        return func
