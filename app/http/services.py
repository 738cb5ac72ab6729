"""Gives views the services of the app that handles the request."""

from __future__ import annotations

from flask import current_app

from app.composition.api import ApiServices


def services() -> ApiServices:
    """The services that views call."""
    found: ApiServices = current_app.extensions["services"]
    return found
