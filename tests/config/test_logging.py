"""Log lines: one JSON object each, whoever speaks, and no token in any."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.environment import base_environment
from tests.servers import ROOT

pytestmark = pytest.mark.slow

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhIiwiZXhwIjoxNzAwMDAwMDAwfQ.c2lnbmF0dXJlc2ln"
ACTION_TOKEN = (
    "OTA1OGYzYjUtMzI5Yi00NDRkLWE3MGUtZDE2ZWNkNDli.rAT20pmiYCA_YIHrAT20pmiYCA_YIHrAT20pmiYCA"
)


def logged(code: str) -> list[dict[str, Any]]:
    """What a process that runs this after configure_logging writes to stderr, line by line."""
    prelude = "import logging, sys, threading, warnings, structlog\n"
    prelude += "from config.logging import configure_logging\nconfigure_logging('DEBUG')\n"
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
def test_an_exception_that_nobody_caught_is_one_line_with_its_stack(code: str) -> None:
    (line,) = logged(code)
    assert line["event"] == "uncaught"
    assert line["level"] == "critical"
    assert "ZeroDivisionError" in line["exception"]


def test_a_greenlet_of_the_broadcaster_that_fails_is_one_line() -> None:
    (line,) = logged(
        "import gevent\nfrom broadcaster.process import log_uncaught_in_greenlets\n"
        "log_uncaught_in_greenlets()\ngevent.spawn(lambda secret: 1 / 0, 'hidden').join()"
    )
    assert line["event"] == "uncaught"
    assert "ZeroDivisionError" in line["exception"]
    assert "hidden" not in json.dumps(line)


def test_a_warning_of_the_interpreter_is_a_line_too() -> None:
    (line,) = logged("warnings.warn('old ways')")
    assert "old ways" in line["event"]
    assert line["level"] == "warning"


def test_a_library_that_logs_a_url_logs_it_without_the_query() -> None:
    (line,) = logged("logging.getLogger('x').error('Error handling %s', '/ws?token=hidden')")
    assert line["event"] == "Error handling /ws?[redacted]"


def test_the_urls_of_alerts_are_not_logged_when_settings_are_read_again() -> None:
    places = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"}
    places["ALERT_URLS"] = "json://127.0.0.1:9/hidden"
    code = f"import os; os.environ.update({places})\n"
    assert logged(code + "from config.settings import load_settings; load_settings()") == []


@pytest.mark.parametrize("token", [JWT, ACTION_TOKEN], ids=["JWT", "action token"])
def test_a_token_in_an_exceptions_text_is_left_out(token: str) -> None:
    (line,) = logged(
        f"try:\n    raise ValueError('odd: {token}')\n"
        "except ValueError as error:\n"
        "    structlog.stdlib.get_logger('x').error('failed', cause=str(error), exc_info=error)"
    )
    assert line["cause"] == "odd: [redacted]"
    assert "odd: [redacted]" in line["exception"]
    assert token.split(".")[1] not in json.dumps(line)
