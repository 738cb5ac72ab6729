"""Log lines: one JSON object each, from every source, and without tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.environment import base_environment
from tests.support.servers import ROOT

pytestmark = pytest.mark.slow

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhIiwiZXhwIjoxNzAwMDAwMDAwfQ.c2lnbmF0dXJlc2ln"
ACTION_TOKEN = (
    "OTA1OGYzYjUtMzI5Yi00NDRkLWE3MGUtZDE2ZWNkNDli.rAT20pmiYCA_YIHrAT20pmiYCA_YIHrAT20pmiYCA"
)
SERVICE_KEY = f"sk_{'0f' * 16}_{'5e' * 32}"


def logged(code: str) -> list[dict[str, Any]]:
    """The lines on stderr of a process that runs this code after configure_logging."""
    prelude = "import logging, sys, threading, warnings, structlog\n"
    prelude += (
        "from app.observability.logging import configure_logging\nconfigure_logging('DEBUG')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", prelude + code],
        cwd=ROOT,
        env=base_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.parametrize(
    "code",
    [
        "1 / 0",
        "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()",
    ],
    ids=["main thread", "another thread"],
)
def test_an_uncaught_exception_is_one_line_with_its_stack(code: str) -> None:
    (line,) = logged(code)
    assert line["event"] == "uncaught"
    assert line["level"] == "critical"
    assert "ZeroDivisionError" in line["exception"]


def test_an_uncaught_exception_in_a_greenlet_is_one_line() -> None:
    (line,) = logged(
        "import gevent\nfrom broadcaster.process import log_uncaught_in_greenlets\n"
        "log_uncaught_in_greenlets()\ngevent.spawn(lambda secret: 1 / 0, 'hidden').join()"
    )
    assert line["event"] == "uncaught"
    assert "ZeroDivisionError" in line["exception"]
    assert "hidden" not in json.dumps(line)


def test_a_warning_of_the_interpreter_is_one_line() -> None:
    (line,) = logged("warnings.warn('old ways')")
    assert "old ways" in line["event"]
    assert line["level"] == "warning"


def test_queries_in_urls_that_libraries_log_are_redacted() -> None:
    (line,) = logged("logging.getLogger('x').error('Error handling %s', '/ws?token=hidden')")
    assert line["event"] == "Error handling /ws?[redacted]"


def test_alert_urls_are_not_logged_when_settings_are_read_again() -> None:
    urls = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"}
    urls["ALERT_URLS"] = "json://127.0.0.1:9/hidden"
    code = f"import os; os.environ.update({urls})\n"
    assert logged(code + "from config.settings import load_settings; load_settings()") == []


@pytest.mark.parametrize(
    "token",
    [JWT, ACTION_TOKEN, SERVICE_KEY, SERVICE_KEY.upper(), SERVICE_KEY[:60]],
    ids=["JWT", "action token", "service key", "key in capitals", "beginning of a key"],
)
def test_a_token_in_the_text_of_an_exception_is_redacted(token: str) -> None:
    (line,) = logged(
        f"try:\n    raise ValueError('odd: {token}')\n"
        "except ValueError as error:\n"
        "    structlog.stdlib.get_logger('x').error('failed', cause=str(error), exc_info=error)"
    )
    assert line["cause"] == "odd: [redacted]"
    assert "odd: [redacted]" in line["exception"]
    assert token[40:] not in json.dumps(line)


def test_a_service_key_in_any_field_is_redacted_and_other_words_are_not() -> None:
    (line,) = logged(
        f"structlog.stdlib.get_logger('x').info('{SERVICE_KEY}', path='/a/{SERVICE_KEY}/b',"
        f" nested={{'{SERVICE_KEY}': ['x{SERVICE_KEY}']}}, task_id='task_0f0f', disk_free=1)"
    )
    assert line["event"] == "[redacted]"
    assert line["path"] == "/a/[redacted]/b"
    assert line["nested"] == {"[redacted]": ["x[redacted]"]}
    assert (line["task_id"], line["disk_free"]) == ("task_0f0f", 1)


def test_a_service_key_in_a_line_of_a_library_is_redacted() -> None:
    (line,) = logged(f"logging.getLogger('x').error('sent %s', '{SERVICE_KEY}')")
    assert line["event"] == "sent [redacted]"
