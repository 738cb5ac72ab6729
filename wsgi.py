"""gunicorn's entry, and Flask's: one app with its services for each process.

gunicorn's workers start their threads in config/gunicorn.py; operators' commands need none.
"""

from __future__ import annotations

import sys

from app.composition import build_services
from app.factory import create_app
from app.http.malformed import answer_malformed_in_json
from config.logging import configure_logging
from config.settings import InvalidSettings, load_settings

try:
    settings = load_settings()
except InvalidSettings as problem:
    sys.exit(str(problem))
configure_logging(settings.log_level)
answer_malformed_in_json()
services = build_services(settings)
app = create_app(services)
