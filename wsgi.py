"""The entry point of WSGI servers (`gunicorn wsgi:app`) and of the `flask` command."""

from __future__ import annotations

from app import create_app

app = create_app()
