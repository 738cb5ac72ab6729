"""The Flask app: the API, the page and the operators' commands."""

from __future__ import annotations

import sys

from flask import Flask

from app.api.blueprint import register_api
from app.cli import register_commands
from app.composition.api import ApiServices, build_api_services
from app.composition.serving import ServingProcess
from app.concurrency.wsgi_batches import WsgiBatches
from app.contract.limits import MAX_BODY_BYTES
from app.http.access_control import caller_is_flagged
from app.http.body import read_bodies
from app.http.errors import ErrorPolicy, register_error_handlers
from app.http.flask_app import SyncFlask
from app.http.host import require_host
from app.http.rate_limits import register_limits
from app.http.replies.compression import register_compression
from app.http.replies.cors import register_cors
from app.http.reply_headers import register_reply_headers, register_security_headers
from app.http.request_log import log_requests
from app.http.request_pool import scoring_routes
from app.metrics.request_metrics import request_metrics
from app.network.trusted_proxies import trust_proxies
from app.observability.logging import configure_logging
from app.web.docs import docs
from app.web.embed import embed
from app.web.page import page
from config.settings import InvalidSettings, load_settings


def create_app(services: ApiServices) -> Flask:
    """The app over these services; starts no thread and opens no connection."""
    # The page serves its static files itself, under its own path.
    app = SyncFlask(__name__, static_folder=None)
    app.extensions["services"] = services
    log_requests(app)
    require_host(app)
    register_reply_headers(app)
    register_security_headers(app)
    register_cors(app, services.settings.cors_origins)
    register_compression(app)
    request_metrics.init_app(app)
    read_bodies(app)
    register_limits(app)
    register_error_handlers(
        app,
        ErrorPolicy(
            services.alerts,
            # RFC 9110, section 15.5.2, requires the authentication scheme in every 401.
            headers={401: {"WWW-Authenticate": "Bearer"}},
            retry_seconds=(1, 3),
            is_flagged=caller_is_flagged,
        ),
    )
    register_api(app)
    app.register_blueprint(page)
    app.register_blueprint(embed)
    app.register_blueprint(docs)
    register_commands(app, services.settings)
    trust_proxies(app, services.settings)
    return app


def create_app_from_environment() -> Flask:
    """The app for any WSGI server: with services and, from its first request, with threads.

    Exits with a message if the settings can't be used.
    """
    try:
        settings = load_settings()
    except InvalidSettings as problem:
        sys.exit(str(problem))
    configure_logging(settings.log_level)
    services = build_api_services(settings)
    app = create_app(services)
    serving = ServingProcess(services)
    app.extensions["serving_process"] = serving
    batches = WsgiBatches(app.wsgi_app, scoring_routes(app), MAX_BODY_BYTES)
    app.wsgi_app = serving.before_requests(batches)  # type: ignore[method-assign, assignment]
    return app
