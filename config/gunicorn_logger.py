"""gunicorn's own lines, in the form of all others."""

from __future__ import annotations

from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from config.logging import configure_logging

_UNREADABLE = "Invalid request from ip="


class GunicornLogger(Logger):  # type: ignore[misc]
    """Hands gunicorn's records on to the root logger."""

    def setup(self, cfg: Config) -> None:
        """Called at start and again on each reload."""
        super().setup(cfg)
        configure_logging(cfg.loglevel.upper())
        self.error_log.handlers = []
        self.error_log.propagate = True

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log it, unless it quotes a request that can't be read.

        That may be an Authorization header; app/http/malformed.py logs such a request once, with
        its requestId and without its words.
        """
        if not msg.startswith(_UNREADABLE):
            super().warning(msg, *args, **kwargs)
