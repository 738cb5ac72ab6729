"""The entry point of WSGI servers (`gunicorn wsgi:app`) and of the `flask` command."""

from __future__ import annotations

from app import create_app
from app.concurrency.garbage_collection import making_permanent_objects

with making_permanent_objects():
    app = create_app()
