"""create_app: the Flask application, made from settings and services."""

from __future__ import annotations

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
from app.sync_flask import SyncFlask
from app.web.docs import docs
from app.web.page import page


def create_app(services: Services) -> Flask:
    """The app over these services; it starts no thread and opens no connection."""
    # Static files are the page's own, under its own path.
    app = SyncFlask(__name__, static_folder=None)
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
