"""The programs in the guide of /openapi.json show the board."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from tests.browser.conftest import OpenPage
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage

pytestmark = pytest.mark.slow


@pytest.fixture
def player(running_system: SystemHarness) -> Player:
    """A player whose point is on the board."""
    player = running_system.register()
    player.score_point()
    return player


def program(system: SystemHarness, language: str) -> str:
    """The program in this language that the guide prints."""
    document = requests.get(f"{system.url}/openapi.json", timeout=5).json()
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```$", document["info"]["description"], re.M | re.S
    )
    text: str = found
    return text


def rows(lines: Iterator[str]) -> str:
    """The first line that is a row of the board."""
    return next(line for line in lines if re.fullmatch(r"\d+ .+ \d+", line))


def test_the_program_in_python_prints_the_board(
    running_system: SystemHarness, player: Player
) -> None:
    values = f"url, token = {running_system.websocket_url!r}, {player.access_token!r}\n"
    viewer = subprocess.Popen(
        [sys.executable, "-u", "-c", values + program(running_system, "python")],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    with viewer:
        try:
            assert viewer.stdout is not None
            assert rows(line.strip() for line in viewer.stdout)
        finally:
            viewer.kill()


def test_the_program_in_javascript_prints_the_board(
    running_system: SystemHarness, player: Player, open_page: OpenPage
) -> None:
    page = open_page(running_system, "/?display")
    values = f"const url = {running_system.websocket_url!r}, token = {player.access_token!r};\n"

    def is_row(message: ConsoleMessage) -> bool:
        return bool(re.fullmatch(r"\d+ .+ \d+", message.text))

    with page.expect_console_message(is_row):
        page.evaluate(f"() => {{ {values} {program(running_system, 'js')} }}")
