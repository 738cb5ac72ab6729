"""What a visitor does on the live page, and what may be seen there."""

from __future__ import annotations

import re

import pytest
import requests

from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

from playwright.sync_api import ConsoleMessage, Locator, Page, WebSocketRoute, expect

__all__ = [
    "LIVE",
    "NOT_LIVE",
    "NOT_LOGGED_IN",
    "complaints_of",
    "expect",
    "interceptable",
    "log_in",
    "name_of",
    "player_next_to_the_top_ten",
    "right_edge",
    "row_of",
    "score_a_point",
    "score_on_board",
    "send_login",
    "width_of",
]

LIVE = "live"
NOT_LOGGED_IN = re.compile("^not logged in .* refreshed every 2 s$")
NOT_LIVE = re.compile("^not live .* refreshed every 2 s$")
ROWS = 10
expect.set_options(timeout=10_000)


def send_login(page: Page, player: Player) -> None:
    form = page.locator("#log-in-form")
    form.get_by_label("Username").fill(player.username)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button").click()


def log_in(page: Page, player: Player) -> None:
    send_login(page, player)
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#own-score")).to_have_text(re.compile(r"\d"))


def score_a_point(page: Page) -> None:
    page.get_by_role("button", name="Score a point").click()
    expect(page.locator("#outcome")).to_have_text("Point counted.")


def row_of(page: Page, player: Player) -> Locator:
    """The player's row of the board; one that is just leaving it is none."""
    return page.locator("#board-rows tr:not(.leaving)", has_text=player.username)


def score_on_board(page: Page, player: Player) -> Locator:
    return row_of(page, player).locator(".total")


def name_of(row: Locator) -> Locator:
    return row.locator(".name")


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


def interceptable(page: Page) -> list[WebSocketRoute]:
    """The page's WebSockets from the next on, passed through to the broadcaster."""
    connections: list[WebSocketRoute] = []

    def pass_through(connection: WebSocketRoute) -> None:
        connection.connect_to_server()
        connections.append(connection)

    page.route_web_socket("**/ws", pass_through)
    page.reload()
    return connections


def width_of(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


def right_edge(locator: Locator) -> float:
    """In CSS pixels; what is cut off at the window's edge makes no scroll bar."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"]
