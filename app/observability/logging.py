"""Log lines on stderr: JSON objects in production, readable lines in a terminal."""

from __future__ import annotations

import logging
import re
import select
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.observability.log_stream import LogStream

_QUERY = re.compile(r"\?\S+")
_TOKEN = re.compile(r"(?<![\w-])[\w-]{30,}\.[\w-]{30,}(\.[\w-]+)?")
"""A JWT or an action token: long runs of base64url, separated by dots. The lookbehind makes the
search twice as fast, because it starts only at the beginning of a run."""
_TOKEN_PART = re.compile(r"\.[\w-]{30}")
"""Part of every token. Lines have few dots, so this search costs a twentieth of the one above."""
_SERVICE_KEY = re.compile(r"sk_[0-9a-f]{16}\w*", re.IGNORECASE)
"""A service key, or its beginning. In any letter case, because its owner may have changed it."""
REDACTED = "[redacted]"
STDERR = 2

_stream: LogStream | None = None


def configure_logging(level: str, poll: Callable[[], select.poll] = select.poll) -> None:
    """Write the records of structlog, the standard library and the interpreter in one format.

    A process whose `select` is patched by gevent passes the original `poll`, which does not switch
    to another greenlet.
    """
    global _stream  # noqa: PLW0603 - one per process, as the configuration of logging itself
    _stream = stream = LogStream(STDERR, _dropped_notice, poll)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_renderers(terminal=sys.stderr.isatty()), _encode],
        # Faster than through the standard library, which makes a record of each line first.
        logger_factory=structlog.BytesLoggerFactory(stream),  # type: ignore[arg-type]  # uses write, flush
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = _StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _redact_queries],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(terminal=sys.stderr.isatty()),
                lambda _logger, _method, line: _redact_tokens(line),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # apprise logs the URLs of ALERT_URLS whenever the settings are read.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    # alembic logs a line for each part of its own.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda thread: _log_uncaught(
        thread.exc_type, thread.exc_value, thread.exc_traceback
    )


def take_dropped_lines() -> int:
    """The number of log lines that could not be written since the last call."""
    return _stream.take_dropped() if _stream is not None else 0


class _StreamHandler(logging.Handler):
    """Writes the records of the standard library to a LogStream."""

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode(errors="backslashreplace")
        except Exception:  # noqa: BLE001 - logging's own handlers do the same
            self.handleError(record)
        else:
            self._stream.write(line + b"\n")


def _dropped_notice(lines: int) -> bytes:
    event: Any = {
        "event": "log_lines_dropped",
        "level": "warning",
        "logger": __name__,
        "lines": lines,
    }
    stamp: Processor = structlog.processors.TimeStamper(fmt="iso", utc=True)
    for processor in (stamp, *_renderers(terminal=sys.stderr.isatty())):
        event = processor(None, "warning", event)
    return f"{event}\n".encode()


def _renderers(*, terminal: bool) -> list[Processor]:
    if terminal:
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _redact_queries(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # Libraries log whole URLs, and a query string may contain a token.
    event["event"] = _QUERY.sub(f"?{REDACTED}", str(event["event"]))
    return event


def _redact_tokens(line: Any) -> str:
    # Our code logs no token, but the text of an exception or a path may contain one.
    line = _TOKEN.sub(REDACTED, line) if _TOKEN_PART.search(line) else line
    if "k_" in line or "K_" in line:  # much faster than the search below
        line = _SERVICE_KEY.sub(REDACTED, line)
    return str(line)


def _encode(_logger: WrappedLogger, _method: str, line: Any) -> bytes:
    # UTF-8 can't encode lone surrogates. Python's own stderr escapes them in the same way.
    return _redact_tokens(line).encode(errors="backslashreplace")


def _log_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Log an uncaught exception as one line instead of Python's several lines."""
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger("uncaught").critical("uncaught", exc_info=(kind, error, trace))
