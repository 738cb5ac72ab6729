"""/.well-known/jwks.json: the public keys that sign access tokens (RFC 7517)."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app.http.access_control import public
from app.http.services import services

keys = Blueprint("keys", __name__)


@keys.get("/.well-known/jwks.json")
@public
def jwks() -> Response:
    """The keys, for other services that verify our tokens."""
    response = jsonify(services().verifier.jwks())
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
