"""The kinds of gunicorn workers that the API can run with, for tests that must hold under each."""

WORKERS = ("scoreboard", "gthread")
"""Values of WEB_WORKER."""
