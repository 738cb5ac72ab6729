"""The board in the page's first reply: shown without JavaScript, and taken over by the scripts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from app.web.languages import LANGUAGES
from tests.browser.conftest import OpenPage, system_with
from tests.browser.loading.transfers import Transfers
from tests.browser.page_actions import (
    LIVE,
    console_errors_of,
    expect,
    name_of,
    player_just_below_top_ten,
    record_scored_rows,
    refuse_streams,
    row_of,
    score_on_board,
    was_marked_as_scored,
)
from tests.browser.sample_contest import PLAYERS, play_sample_contest
from tests.support.servers import DatabaseServer
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Route, ViewportSize

FIRST_ROWS_MS = 2_000
PHONE: ViewportSize = {"width": 360, "height": 740}
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
# window.seen: when the first row is painted, the rows added and removed, and animations of rows.
OBSERVE = """(() => {
    window.seen = { added: 0, removed: 0, animations: 0 };
    window.seen.rowsAt = new Promise((resolve) => {
        const look = () => {
            const row = document.querySelector("#board-rows tr");
            if (row === null || row.offsetHeight === 0) requestAnimationFrame(look);
            else setTimeout(() => resolve(performance.now()));
        };
        requestAnimationFrame(look);
    });
    for (const kind of ["animationstart", "transitionrun"]) {
        document.addEventListener(kind, ({ target }) => {
            if (target.closest("#board-rows")) window.seen.animations += 1;
        });
    }
    new MutationObserver((records) => {
        for (const { target, addedNodes, removedNodes } of records) {
            if (target.id !== "board-rows") continue;
            window.seen.added += [...addedNodes].filter((node) => node.localName === "tr").length;
            window.seen.removed += removedNodes.length;
        }
    }).observe(document, { childList: true, subtree: true });
})();"""
HTML_OF_ROWS = """() => [...document.querySelectorAll("#board-rows tr")].map(
    (row) => row.outerHTML.replace(/>\\s+</g, "><").replace(' class=""', "")
)"""
# Where each element of the board is, in CSS pixels.
BOXES = """async () => {
    await document.fonts.ready;
    return [...document.querySelectorAll(".board, .board h2, .board table *")].map((element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return [element.className, x, y, width, height];
    });
}"""
# What the scripts make of a text, from the browser's own rules for numbers and plural forms.
TEXTS_OF_SCRIPTS = """async (numbers) => {
    const { text } = await import("./assets/common/texts.js");
    return numbers.map((number) => [
        text("board.behind", { points: number, ordinal: number }),
        text("board.leadsBy", { count: number }),
    ]);
}"""
NUMBERS = [*range(1, 125), 999, 1_000, 1_001, 1_011, 12_345, 1_000_000, 1_234_567]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contest(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with a full board: long names, several scripts and ties."""
    for system in system_with(postgres, tmp_path_factory, {"INCREMENT_LIMIT": "60 per minute"}):
        play_sample_contest(system)
        yield system


def test_the_first_rows_are_painted_within_two_seconds_over_a_slow_network(
    open_page: OpenPage, contest: SystemHarness
) -> None:
    page = open_page(contest, "/health", OBSERVE, viewport=PHONE)
    Transfers(page).slow_down()
    page.goto(f"{contest.url}/", wait_until="commit")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    assert page.evaluate("window.seen.rowsAt") <= FIRST_ROWS_MS


@pytest.mark.parametrize("path", ["/", "/?display"])
def test_without_javascript_the_page_shows_the_board_and_how_it_is_refreshed(
    open_page: OpenPage, contest: SystemHarness, path: str
) -> None:
    page = open_page(contest, path, java_script_enabled=False)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    expect(page.locator("#board-rows .name").first).to_have_text(PLAYERS["ada"][0])
    expect(page.locator("#board-rows .total").first).to_have_text(str(PLAYERS["ada"][1]))
    expect(page.locator("#board-rows .gap").first).to_have_text("leads by 2 points")
    expect(page.locator("noscript p", has_text="Without JavaScript")).to_be_visible()
    expect(page.locator("noscript .changed")).to_be_visible()
    for hidden in ("#login-forms", "#login-link", "#connection", ".latest", ".chart-card"):
        expect(page.locator(hidden)).to_be_hidden()


def test_without_javascript_the_page_loads_itself_again(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system, java_script_enabled=False)
    player = player_just_below_top_ten(running_system)
    player.score_point()
    expect(score_on_board(page, player)).to_be_visible(timeout=20_000)


def test_a_board_without_points_is_shown_without_javascript(
    open_page: OpenPage, postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for system in system_with(postgres, tmp_path_factory, {}):
        page = open_page(system, java_script_enabled=False)
        expect(page.locator("#board-empty .waiting")).to_be_visible()
        expect(page.locator("#board-empty .waiting")).to_contain_text("No points yet.")
        expect(page.locator("#board-empty button")).to_be_hidden()
        expect(page.locator("#board-empty .unreachable")).to_be_hidden()


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_the_scripts_take_the_rows_over_without_a_change(
    open_page: OpenPage, contest: SystemHarness, locale: str
) -> None:
    still = open_page(contest, java_script_enabled=False, locale=locale)
    server_rows = still.evaluate(HTML_OF_ROWS)
    assert len(server_rows) == 10
    page = open_page(contest, init_script=OBSERVE, locale=locale)
    errors = console_errors_of(page)
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    assert page.evaluate(HTML_OF_ROWS) == server_rows
    seen = page.evaluate("({ ...window.seen, rowsAt: null })")
    assert (seen["added"], seen["removed"], seen["animations"]) == (10, 0, 0)
    assert errors == []


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
@pytest.mark.parametrize("path", ["/", "/?display"])
def test_the_board_does_not_move_when_the_scripts_start(
    open_page: OpenPage, contest: SystemHarness, size: ViewportSize, path: str
) -> None:
    page = open_page(contest, "/health", viewport=size)
    page.route("**/*.js", lambda route: route.abort())
    page.goto(f"{contest.url}{path}")
    page.evaluate("document.getElementById('page-failure').hidden = true")
    before = page.evaluate(BOXES)
    assert len(before) > 100
    page.unroute("**/*.js")
    page.reload()
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    assert page.evaluate(BOXES) == before


def test_new_points_after_the_first_board_move_the_rows_of_the_server(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = player_just_below_top_ten(running_system)
    points = player.score_point()["newScore"]
    page = open_page(running_system)
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(score_on_board(page, player)).to_have_text(str(points))
    record_scored_rows(page)
    page.evaluate("document.querySelectorAll('#board-rows tr').forEach(row => row.served = true)")
    player.score_point()
    expect(score_on_board(page, player)).to_have_text(str(points + 1))
    assert row_of(page, player).evaluate("row => row.served")
    assert was_marked_as_scored(row_of(page, player))


def test_a_page_that_came_without_a_board_shows_it_when_it_can_be_read(
    open_page: OpenPage, contest: SystemHarness
) -> None:
    page = open_page(contest, "/health")

    def remove_board(route: Route) -> None:
        reply = route.fetch()
        html = re.sub(r'(id="first-board">).*?(</script>)', r"\1null\2", reply.text())
        html = re.sub(r"(<tbody[^>]*>).*?(</tbody>)", r"\1\2", html, flags=re.S)
        html = html.replace('data-state="waiting" hidden', 'data-state="unreachable"')
        route.fulfill(response=reply, body=html)

    page.route(f"{contest.url}/", remove_board)
    refuse_streams(page)
    page.route("**/api/leaderboard?*", lambda route: route.abort())
    page.goto(f"{contest.url}/")
    expect(page.locator("#connection")).to_have_attribute("data-state", "waiting")
    expect(page.locator("#board-empty .unreachable")).to_be_visible()
    page.unroute("**/api/leaderboard?*")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    expect(page.locator("#board-empty")).to_be_hidden()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_hostile_name_in_the_first_board_is_shown_as_text(
    open_page: OpenPage, running_system: SystemHarness, javascript: bool
) -> None:
    mark = secrets.token_hex(4)
    name = f"</script><!--<script>&lt;{mark}' onload=x \"><img src=x>{{{{ 7 * 7 }}}}"
    player = player_just_below_top_ten(running_system, name)
    player.score_point()
    page = open_page(running_system, java_script_enabled=javascript)
    expect(name_of(row_of(page, player))).to_have_text(name)
    expect(name_of(row_of(page, player))).to_have_attribute("title", name)
    assert page.locator("main img").count() == 0
    expect(page.locator("#page-failure")).to_be_hidden()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_server_formats_numbers_and_plurals_as_the_browser_does(
    open_page: OpenPage, running_system: SystemHarness, tag: str
) -> None:
    page = open_page(running_system, locale=tag)
    expect(page.locator("html")).to_have_attribute("lang", tag)
    language = LANGUAGES[tag]
    assert page.evaluate(TEXTS_OF_SCRIPTS, NUMBERS) == [
        [
            language.text("board.behind", points=number, ordinal=number),
            language.text("board.leadsBy", count=number),
        ]
        for number in NUMBERS
    ]
