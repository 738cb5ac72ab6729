"""Logs: one JSON object a line in production, readable lines in a terminal."""

from __future__ import annotations

import logging
import re
import sys
import threading
from types import TracebackType
from typing import Any, Self

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_QUERY = re.compile(r"\?\S+")
_TOKEN = re.compile(r"(?<![\w-])[\w-]{30,}\.[\w-]{30,}(\.[\w-]+)?")
"""A JWT or an action token: long runs of base64url with dots between; looked for only where a run
begins, which is twice as fast."""
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
        processors=[*shared, *_renderers(terminal=sys.stderr.isatty()), _Line],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
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


class _Line(str):
    """What structlog has made of an event, tokens taken out."""

    __slots__ = ()

    def __new__(cls, _logger: WrappedLogger, _method: str, line: Any) -> Self:
        return super().__new__(cls, _without_tokens(line))


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Forms the records of the standard library as structlog does its own, which are ready.

    Handing structlog's on as dicts, to be formed here, takes twice as long.
    """

    def format(self, record: logging.LogRecord) -> str:
        return record.msg if isinstance(record.msg, _Line) else super().format(record)


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
    return _TOKEN.sub(REDACTED, line)


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Log what would else be written to stderr as it is, over several lines."""
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger("uncaught").critical("uncaught", exc_info=(kind, error, trace))
