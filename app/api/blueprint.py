"""Mounts the API's resources: under /api, where they are documented, and without the prefix."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from flask_smorest import Api

from app.api.actions import actions
from app.api.admin.boards import admin_boards
from app.api.admin.displays import admin_displays
from app.api.admin.reveals import admin_reveals
from app.api.admin.service_keys import admin_service_keys
from app.api.admin.views import admin
from app.api.asyncapi.document import asyncapi_document
from app.api.auth import auth
from app.api.boards.views import boards
from app.api.displays import displays
from app.api.health import health
from app.api.jwks import keys
from app.api.leaderboard import leaderboard
from app.api.metrics import metrics
from app.api.openapi.document import current_document, set_spec
from app.api.scores import scores
from app.api.service import service
from app.api.users import users
from app.http.access_control import public
from app.http.replies.compression import compress_public
from app.http.schemas import ErrorSchema

RESOURCES = (
    auth,
    users,
    actions,
    scores,
    leaderboard,
    boards,
    service,
    displays,
    admin,
    admin_boards,
    admin_reveals,
    admin_displays,
    admin_service_keys,
    health,
)
_OPENAPI = {
    "API_TITLE": "Live Scoreboard",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "components": {
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "serviceKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "sk_<id>_<secret>",
                    "description": "Of a trusted server: `flask keys create` makes one",
                },
            }
        }
    },
}


class _ContractApi(Api):  # type: ignore[misc]
    """smorest's Api without its error handlers, because app/http/errors.py answers all errors."""

    ERROR_SCHEMA = ErrorSchema

    def _register_error_handlers(self) -> None:
        return


def register_api(app: Flask) -> None:
    """Mount every resource and the two documents of the API, with and without /api."""
    app.config.update(_OPENAPI)
    api = _ContractApi(app)
    for resource in RESOURCES:
        prefix = resource.url_prefix
        api.register_blueprint(resource, url_prefix=f"/api{prefix}")
        # Paths without /api work too, for clients that use them; they are not documented.
        app.register_blueprint(resource, name=f"{resource.name}_unprefixed", url_prefix=prefix)
    app.register_blueprint(keys)
    app.register_blueprint(keys, name="keys_prefixed", url_prefix="/api")
    app.register_blueprint(metrics)
    app.register_blueprint(metrics, name="metrics_prefixed", url_prefix="/api")

    set_spec(app, api.spec)

    @public
    @compress_public
    def openapi() -> Response:
        return jsonify(current_document())

    @public
    @compress_public
    def asyncapi() -> Response:
        return jsonify(asyncapi_document())

    for name, view in (("openapi", openapi), ("asyncapi", asyncapi)):
        app.add_url_rule(f"/{name}.json", name, view)
        app.add_url_rule(f"/api/{name}.json", f"{name}_prefixed", view)
