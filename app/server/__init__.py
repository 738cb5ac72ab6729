"""Our gunicorn worker and arbiter: the only room that imports gunicorn."""
