"""Logs: one JSON object a line in production, readable lines in a terminal."""

from __future__ import annotations

import logging
import re
import sys
import threading
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_QUERY = re.compile(r"\?\S+")
_TOKEN = re.compile(r"(?<![\w-])[\w-]{30,}\.[\w-]{30,}(\.[\w-]+)?")
"""A JWT or an action token: long runs of base64url with dots between; looked for only where a run
begins, which is twice as fast."""
_MIDDLE = re.compile(r"\.[\w-]{30}")
"""What no token is without. Lines have few dots, so looking for it costs a twentieth."""
REDACTED = "[redacted]"


def configure_logging(level: str) -> None:
    """Send structlog's, the standard library's and the interpreter's records to stderr alike."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_renderers(terminal=sys.stderr.isatty()), _encoded],
        # Not by way of the standard library, which makes a record of each line first.
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _without_queries],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(terminal=sys.stderr.isatty()),
                lambda _logger, _method, line: _without_tokens(line),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # It writes the URLs of ALERT_URLS out, each time that settings are read.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda thread: _log_uncaught(
        thread.exc_type, thread.exc_value, thread.exc_traceback
    )


def redacted(text: str) -> str:
    """The text without query strings, which may hold a token."""
    return _QUERY.sub(f"?{REDACTED}", text)


def _renderers(*, terminal: bool) -> list[Processor]:
    if terminal:
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _without_queries(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # Libraries write URLs as they came.
    event["event"] = redacted(str(event["event"]))
    return event


def _without_tokens(line: Any) -> str:
    # The last guard, for what an exception's text may quote; nothing of ours logs a token.
    return _TOKEN.sub(REDACTED, line) if _MIDDLE.search(line) else line


def _encoded(_logger: WrappedLogger, _method: str, line: Any) -> bytes:
    # A readable line may have what UTF-8 can't hold; stderr itself writes that so too.
    return _without_tokens(line).encode(errors="backslashreplace")


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Log what would else be written to stderr as it is, over several lines."""
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger("uncaught").critical("uncaught", exc_info=(kind, error, trace))
