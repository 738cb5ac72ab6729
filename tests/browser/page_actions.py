"""What a user does on the live page, and locators for what the page shows."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests

from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player
from tests.support.waiting import await_true

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    WebSocketRoute,
    expect,
)

__all__ = [
    "LAPTOP",
    "LIVE",
    "NOT_LIVE",
    "PHONE",
    "PROJECTOR",
    "RECONNECTING",
    "await_events",
    "check_on_all_screens",
    "console_errors_of",
    "expect",
    "expect_transport",
    "intercept_websockets",
    "log_in",
    "name_of",
    "player_just_below_top_ten",
    "record_scored_rows",
    "record_states",
    "refuse_streams",
    "right_edge",
    "row_of",
    "score_a_point",
    "score_on_board",
    "show_chart",
    "states_until_live",
    "submit_login",
    "was_marked_as_scored",
    "width_of",
]

LIVE = "live"
NOT_LIVE = re.compile("^not live .* refreshed every 2 s$")
RECONNECTING = re.compile(r"^reconnecting in \d+ s$")
_STREAM = re.compile(r"/stream(\?|$)")
ROWS = 10
PHONE: ViewportSize = {"width": 360, "height": 740}
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
PROJECTOR: ViewportSize = {"width": 3840, "height": 2160}
SERIOUS = {"serious", "critical"}
# The elements that reach beyond the window, except those that are hidden on purpose.
OVERFLOWING = """() => [...document.querySelectorAll("body *")].filter((element) => {
    if (element.closest(".visually-hidden") || element.checkVisibility() === false) return false;
    const { left, right, width } = element.getBoundingClientRect();
    return width > 0 && (left < -0.5 || right > innerWidth + 0.5);
}).map((element) => element.outerHTML.slice(0, 80))"""
_RECORD_STATES = """() => {
    window.states = [];
    const status = document.getElementById("connection");
    new MutationObserver(() => states.push(status.textContent))
        .observe(status, { childList: true });
}"""
_RECORD_SCORED_ROWS = """() => {
    window.scoredRows = new Set();
    new MutationObserver((records) => {
        for (const { target } of records) {
            if (target.classList.contains("scored")) scoredRows.add(target);
        }
    }).observe(document.getElementById("board-rows"), {
        subtree: true, attributeFilter: ["class"],
    });
}"""
# A limit for a busy machine. What is promised has a limit of its own in its test.
expect.set_options(timeout=20_000)


def submit_login(page: Page, player: Player) -> None:
    form = page.locator("#log-in-form")
    form.get_by_label("Username").fill(player.username)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button").click()


def log_in(page: Page, player: Player) -> None:
    submit_login(page, player)
    expect_transport(page, "websocket")
    expect(page.locator("#own-score")).to_have_text(re.compile(r"\d"))


def expect_transport(page: Page, name: str, milliseconds: float | None = None) -> None:
    """Wait until the page is live by this transport: "websocket" or "stream"."""
    status = page.locator(f"#connection[data-state=live][data-transport={name}]")
    expect(status).to_have_text(LIVE, timeout=milliseconds)


def refuse_streams(page: Page) -> None:
    """Let no event stream of the page through from now on."""
    page.route(_STREAM, lambda route: route.abort())


def score_a_point(page: Page) -> None:
    page.get_by_role("button", name="Score a point").click()
    expect(page.locator("#outcome")).to_have_text("Point counted.")


def row_of(page: Page, player: Player) -> Locator:
    """The player's row of the board, but not one that is fading out."""
    return page.locator("#board-rows tr:not(.leaving)", has_text=player.username)


def score_on_board(page: Page, player: Player) -> Locator:
    return row_of(page, player).locator(".total")


def name_of(row: Locator) -> Locator:
    return row.locator(".name")


def player_just_below_top_ten(system: SystemHarness, name: str | None = None) -> Player:
    """A new player that is one point below the top ten, which other tests fill too."""
    # More rows than the caches have, which may be older than the last point for a moment.
    url = f"{system.url}/api/leaderboard?limit={ROWS + 1}"
    board = requests.get(url, timeout=10).json()["leaderboard"]
    player = system.register(name)
    for _ in range(board[ROWS - 1]["score"] if len(board) >= ROWS else 0):
        player.score_point()
    return player


def show_chart(page: Page) -> None:
    """Scroll to the chart, which is loaded when it is visible, and wait until it is drawn."""
    page.locator("#chart-title").scroll_into_view_if_needed()
    expect(page.locator("#chart canvas")).to_be_visible()


def console_errors_of(page: Page) -> list[str]:
    """Errors, warnings and uncaught exceptions in the page's console from now on."""
    console_errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            console_errors.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    return console_errors


def lose_websockets(page: Page) -> None:
    """Reload the page, close its WebSocket once it is live, and let no further one through."""
    connections = intercept_websockets(page)
    expect_transport(page, "websocket")
    page.route_web_socket("**/ws", lambda refused: refused.close())
    connections[0].close()


def intercept_websockets(page: Page) -> list[WebSocketRoute]:
    """Reload the page; returns its WebSockets, which are forwarded to the broadcaster."""
    connections: list[WebSocketRoute] = []

    def forward(connection: WebSocketRoute) -> None:
        connection.connect_to_server()
        connections.append(connection)

    page.route_web_socket("**/ws", forward)
    page.reload()
    return connections


def await_events(page: Page, condition: Callable[[], object]) -> None:
    """Let Playwright call the handlers of events and routes until the condition holds."""

    def holds() -> bool:
        page.wait_for_timeout(20)
        return bool(condition())

    await_true(holds, 20)


def record_states(page: Page) -> None:
    """Record the texts of the connection's state from now on: some are shown for half a second."""
    page.evaluate(_RECORD_STATES)


def states_until_live(page: Page) -> list[str]:
    """The recorded states, as soon as the last one is LIVE."""
    page.wait_for_function("live => states.at(-1) === live", arg=LIVE)
    states: list[str] = page.evaluate("states")
    return states


def record_scored_rows(page: Page) -> None:
    """Record which rows are marked as scored from now on; a mark is removed after 2.5 s."""
    page.evaluate(_RECORD_SCORED_ROWS)


def was_marked_as_scored(row: Locator) -> bool:
    was_marked: bool = row.evaluate("row => scoredRows.has(row)")
    return was_marked


def width_of(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


def right_edge(locator: Locator) -> float:
    """In CSS pixels. Content that is cut off at the edge of the window makes no scroll bar."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"]


def check_on_all_screens(page: Page) -> None:
    """Fail if an element overflows, or axe-core finds a serious violation in either scheme."""
    for size in (PROJECTOR, LAPTOP, PHONE):
        page.set_viewport_size(size)
        # The chart is redrawn shortly after the resize.
        await_true(lambda: page.evaluate(OVERFLOWING) == [], 10)
        assert width_of(page) == size["width"]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = Axe().run(page).response["violations"]
        assert [
            (violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in violations
            if violation["impact"] in SERIOUS
        ] == []
