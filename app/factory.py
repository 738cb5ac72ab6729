"""create_app: the Flask application, made from settings and services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.cli import register_commands
from app.composition import Services
from app.http.api import register_api
from app.http.body import read_bodies
from app.http.cors import register_cors
from app.http.errors import register_error_handlers
from app.http.limits import register_limits
from app.http.reply_headers import register_reply_headers
from app.request_log import log_requests
from app.request_metrics import count_requests
from app.safe_headers import register_safe_headers
from app.web.docs import docs
from app.web.page import page



class SyncFlask(Flask):
    """Flask, all of whose views and hooks are plain functions."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        # Flask's own looks at each hook of each request, whether it is a coroutine.
        return func


def create_app(services: Services) -> Flask:
    """The app over these services; it starts no thread and opens no connection."""
    # Static files are the page's own, under its own path.
    app = SyncFlask(__name__, static_folder=None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["services"] = services
    log_requests(app)
    register_reply_headers(app)
    register_safe_headers(app)
    register_cors(app, services.settings.cors_origins)
    count_requests(app)
    read_bodies(app)
    register_limits(app)
    register_error_handlers(app)
    register_api(app)
    app.register_blueprint(page)
    app.register_blueprint(docs)
    register_commands(app)
    hops = services.settings.trusted_proxy_hops
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    return app
