"""What a visitor does on the live page, and what may be seen there."""

from __future__ import annotations

import re

import pytest
import requests

from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

__all__ = [
    "complaints_of",
    "expect",
    "log_in",
    "player_next_to_the_top_ten",
    "right_edge",
    "score_a_point",
    "score_on_board",
    "send_login",
    "width_of",
]

ROWS = 10
expect.set_options(timeout=10_000)


def send_login(page: Page, player: Player) -> None:
    form = page.locator("#log-in-form")
    form.get_by_label("Username").fill(player.username)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button").click()


def log_in(page: Page, player: Player) -> None:
    send_login(page, player)
    expect(page.locator("#connection")).to_have_text("live")
    expect(page.locator("#own-score")).to_have_text(re.compile(r"\d"))


def score_a_point(page: Page) -> None:
    page.get_by_role("button", name="Score a point").click()
    expect(page.locator("#outcome")).to_have_text("Point counted.")


def score_on_board(page: Page, player: Player) -> Locator:
    return page.locator("#board-rows tr", has_text=player.username).locator("td").last


def player_next_to_the_top_ten(system: RunningSystem, name: str | None = None) -> Player:
    """A new player whom one more point brings onto the board; other tests fill the board too."""
    board = requests.get(f"{system.url}/api/leaderboard", timeout=10).json()["leaderboard"]
    player = system.register(name)
    for _ in range(board[9]["score"] if len(board) == ROWS else 0):
        player.score_point()
    return player


def complaints_of(page: Page) -> list[str]:
    """Errors and warnings of the page's console from now on, uncaught exceptions too."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def width_of(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


def right_edge(locator: Locator) -> float:
    """In CSS pixels; what is cut off at the window's edge makes no scroll bar."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"]
