"""The page on paper, for fingers, and with names in scripts from right to left."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import PHONE, expect, log_in
from tests.support.system.harness import SystemHarness

PAGE_ROWS = 25
FINGER_PX = 44
DISTANCE_FROM_LEFT_EDGE = """(element) => {
    const text = document.createRange();
    text.selectNodeContents(element);
    return text.getBoundingClientRect().left - element.getBoundingClientRect().left;
}"""
IS_COMPLETE = """(element) =>
    element.scrollWidth <= element.clientWidth && element.scrollHeight <= element.clientHeight"""

pytestmark = pytest.mark.slow


def test_paper_shows_the_standings_as_a_plain_table(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_page(crowded)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    page.emulate_media(media="print")
    expect(page.locator("#board-rows")).to_be_visible()
    for hidden in ("#login-forms", ".latest", ".chart-card", "#connection", ".standings-link"):
        expect(page.locator(hidden)).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Full standings").click()
    expect(page.locator("#standings-rows tr")).to_have_count(PAGE_ROWS)
    page.emulate_media(media="print")
    expect(page.locator("#standings-rows")).to_be_visible()
    for hidden in ("#board-rows", "#standings-search", "#standings-next", "#standings-refresh"):
        expect(page.locator(hidden)).to_be_hidden()


def test_with_forced_colours_borders_show_what_grounds_and_shadows_did(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_page(crowded, forced_colors="active")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    log_in(page, crowded.register())
    for bordered in (page.locator("#board-rows .rank").first, page.locator("#score")):
        expect(bordered).to_have_css("border-top-style", "solid")
        expect(bordered).to_have_css("border-top-width", "1px")


def test_targets_are_large_enough_for_a_finger(open_page: OpenPage, crowded: SystemHarness) -> None:
    page = open_page(crowded, "/#standings", viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator("#standings-rows tr")).to_have_count(PAGE_ROWS)
    sizes = page.locator("a:visible, button:visible, input:visible").evaluate_all(
        "all => all.map((each) => [each.outerHTML, each.getBoundingClientRect().height])"
    )
    assert len(sizes) > 6
    assert [(target, height) for target, height in sizes if height < FINGER_PX] == []


@pytest.mark.parametrize(
    ("name", "is_complete"), [("Grace “Amazing Grace” Hopper", True), ("W" * 100, False)]
)
def test_a_long_name_has_two_lines_on_a_phone_and_stays_in_its_row(
    open_page: OpenPage, crowded: SystemHarness, name: str, is_complete: bool
) -> None:
    page = open_page(crowded, viewport=PHONE)
    row = page.locator("#board-rows tr").first
    shown = row.locator(".name")
    shown.evaluate("(element, name) => { element.textContent = name; }", name)
    assert shown.evaluate(IS_COMPLETE) == is_complete
    inner, outer = row.locator(".player-cell").bounding_box(), row.bounding_box()
    assert inner
    assert outer
    assert outer["y"] <= inner["y"]
    assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]


def test_a_name_from_right_to_left_begins_where_all_others_do(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    player = crowded.register("محمد بن موسى")
    player.score_point()
    page = open_page(crowded)
    log_in(page, player)
    expect(page.locator("#around")).to_be_visible()
    for name in ("#player-name", "#around-rows .own .name"):
        distance = page.locator(name).evaluate(DISTANCE_FROM_LEFT_EDGE)
        assert distance < FINGER_PX / 10
