"""gunicorn's own log lines, in the same form as all others."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from app.observability.logging import configure_logging

_MALFORMED_REQUEST = "Invalid request from ip="
"""How gunicorn's line begins that quotes a malformed request."""


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Passes gunicorn's records on to the root logger."""

    def setup(self, cfg: Any) -> None:
        """Called at the start and at each reload."""
        super().setup(cfg)
        configure_logging(cfg.loglevel.upper())
        self.error_log.handlers = []
        self.error_log.propagate = True

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log it, unless it quotes a malformed request, which may contain a token.

        malformed_requests.py logs such a request once, with its requestId and without its content.
        """
        if not msg.startswith(_MALFORMED_REQUEST):
            super().warning(msg, *args, **kwargs)
