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


def programs(system: SystemHarness, language: str) -> tuple[str, str]:
    """The programs in this language that the guide prints: for the WebSocket and for the stream."""
    document = requests.get(f"{system.url}/openapi.json", timeout=5).json()
    socket, stream = re.findall(
        rf"^```{language}\n(.*?)^```$", document["info"]["description"], re.M | re.S
    )
    return socket, stream


def addresses(system: SystemHarness) -> tuple[str, str]:
    """Of the WebSocket and of the stream."""
    stream = system.websocket_url.replace("ws://", "http://").removesuffix("/ws") + "/stream"
    return system.websocket_url, stream


def rows(lines: Iterator[str]) -> str:
    """The first line that is a row of the board."""
    return next(line for line in lines if re.fullmatch(r"\d+ .+ \d+", line))


@pytest.mark.parametrize("way", [0, 1], ids=["websocket", "stream"])
def test_the_programs_in_python_print_the_board(
    running_system: SystemHarness, player: Player, way: int
) -> None:
    url, stream_url = addresses(running_system)
    values = f"url, stream_url, token = {url!r}, {stream_url!r}, {player.access_token!r}\n"
    viewer = subprocess.Popen(
        [sys.executable, "-u", "-c", values + programs(running_system, "python")[way]],
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


@pytest.mark.parametrize("way", [0, 1], ids=["websocket", "stream"])
def test_the_programs_in_javascript_print_the_board(
    running_system: SystemHarness, player: Player, open_page: OpenPage, way: int
) -> None:
    page = open_page(running_system, "/?display")
    url, stream_url = addresses(running_system)
    values = f"const url = {url!r}, streamUrl = {stream_url!r}, token = {player.access_token!r};\n"

    def is_row(message: ConsoleMessage) -> bool:
        return bool(re.fullmatch(r"\d+ .+ \d+", message.text))

    with page.expect_console_message(is_row):
        page.evaluate(f"() => {{ {values} {programs(running_system, 'js')[way]} }}")
