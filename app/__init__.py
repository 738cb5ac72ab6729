"""The scoreboard's API: HTTP in front, services behind, PostgreSQL and Redis below."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> Flask:
    """The app with the settings of the environment, for `flask --app app` and WSGI servers.

    Exits with a message that names every wrong setting.
    """
    # Imported here, because every module of this package imports the package itself first.
    from app.factory import create_app_from_environment

    return create_app_from_environment()
