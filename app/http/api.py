"""The API's resources, mounted under /api and documented there, and once more without it."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from flask_smorest import Api

from app.http.actions import actions
from app.http.admin import admin
from app.http.auth import auth
from app.http.authentication import public
from app.http.health import health
from app.http.keys import keys
from app.http.leaderboard import leaderboard
from app.http.metrics import metrics
from app.http.openapi import current_document, keep_spec
from app.http.schemas import ErrorSchema
from app.http.scores import scores
from app.http.users import users

RESOURCES = (auth, users, actions, scores, leaderboard, admin, health)
_OPENAPI = {
    "API_TITLE": "Live Scoreboard",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "components": {
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            }
        }
    },
}


class _ContractApi(Api):  # type: ignore[misc]
    """smorest's Api with the errors that the table in errors.py answers."""

    ERROR_SCHEMA = ErrorSchema

    def _register_error_handlers(self) -> None:
        # One table answers every error; smorest's own handler would be a second.
        return


def register_api(app: Flask) -> None:
    """Mount every resource at both places, and /openapi.json, made from the code."""
    app.config.update(_OPENAPI)
    api = _ContractApi(app)
    for resource in RESOURCES:
        prefix = resource.url_prefix
        api.register_blueprint(resource, url_prefix=f"/api{prefix}")
        # The seed writes paths without /api too; they answer but are not in the document.
        app.register_blueprint(resource, name=f"{resource.name}_unprefixed", url_prefix=prefix)
    app.register_blueprint(keys)
    app.register_blueprint(keys, name="keys_prefixed", url_prefix="/api")
    app.register_blueprint(metrics)
    app.register_blueprint(metrics, name="metrics_prefixed", url_prefix="/api")

    keep_spec(app, api.spec)

    @public
    def openapi() -> Response:
        return jsonify(current_document())

    app.add_url_rule("/openapi.json", "openapi", openapi)
    app.add_url_rule("/api/openapi.json", "openapi_prefixed", openapi)
