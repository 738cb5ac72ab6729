"""gunicorn's entry: one app with its services and threads for each worker process."""

from __future__ import annotations

from app.background import Background
from app.composition import build_services
from app.factory import create_app
from app.http.malformed import answer_malformed_in_json
from config.logging import configure_logging
from config.settings import load_settings

settings = load_settings()
configure_logging(settings.log_level)
answer_malformed_in_json()
services = build_services(settings)
app = create_app(services)
background = Background(services)
background.start()
