"""The services of the running app, for handlers."""

from __future__ import annotations

from flask import current_app

from app.composition import Services


def services() -> Services:
    """What the handlers call."""
    found: Services = current_app.extensions["services"]
    return found
