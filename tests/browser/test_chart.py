"""The chart of the leaders' scores: what is drawn is what happened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.awaiting import await_true
from tests.browser.conftest import OpenPage, own_system
from tests.browser.visitor import complaints_of, expect, log_in
from tests.servers import DatabaseServer
from tests.system.running import RunningSystem

if TYPE_CHECKING:
    from playwright.sync_api import Page

# [column, row] wherever the canvas has exactly the colour of the only player's line.
LINE = """() => {
    const canvas = document.querySelector("#chart canvas");
    if (canvas === null) return [];
    const style = getComputedStyle(document.getElementById("chart"));
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = style.getPropertyValue("--series-0").trim();
    const wanted = parseInt(probe.fillStyle.slice(1), 16);
    const { data, width, height } = canvas
        .getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const found = [];
    for (let x = 0; x < width; x += 1) {
        for (let y = 0; y < height; y += 1) {
            const at = 4 * (y * width + x);
            const colour = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
            if (colour === wanted && data[at + 3] === 255) found.push([x, y]);
        }
    }
    return found;
}"""
LINE_WIDTH = 4
SHORTEST_STEP = 12
"""In columns: longer than the dots that mark the line's end."""
POINTS_AT = {40: 1, 30: 2, 10: 3}
"""Minutes ago: how many points were scored then."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """One where a single player has a history."""
    for system in own_system(postgres, tmp_path_factory, {}):
        player = system.register("Only One")
        moments = [minutes for minutes, points in POINTS_AT.items() for _ in range(points)]
        for _ in moments:
            player.score_point()
        date_back(system, moments)
        yield system


def test_the_line_has_a_step_where_and_as_high_as_each_point_was_scored(
    open_page: OpenPage, system: RunningSystem
) -> None:
    page = open_page(system)
    complaints = complaints_of(page)
    expect(page.locator("#chart canvas")).to_be_visible()
    assert complaints == []
    await_true(lambda: len(steps_of(page)) == 1 + len(POINTS_AT), 10)
    steps = steps_of(page)
    heights = [before[1] - after[1] for before, after in pairwise(steps)]
    point = heights[0]
    assert point > 5
    assert heights == pytest.approx([points * point for points in POINTS_AT.values()], abs=2)
    first, second, third = (column for column, _ in steps[1:])
    # From 40 to 30 minutes ago is a third of the way from 40 to 10.
    assert (second - first) / (third - first) == pytest.approx(1 / 3, abs=0.02)


def test_the_chart_goes_on_with_each_point_and_tells_the_same_in_words(
    open_page: OpenPage, system: RunningSystem
) -> None:
    page = open_page(system)
    words = page.locator("#chart")
    expect(words).to_have_attribute("aria-label", re.compile(r": Only One from 0 to \d+$"))
    player = system.register("Second")
    log_in(page, player)
    page.locator("#score").click()
    expect(words).to_have_attribute("aria-label", re.compile(r"Second from \d to 1$"))
    page.locator("#score").click()
    expect(words).to_have_attribute("aria-label", re.compile(r"Second from \d to 2$"))


def steps_of(page: Page) -> list[tuple[int, int]]:
    """Where the line goes on level for a while: first column, and row."""
    level = []
    for column, pixels in groupby(page.evaluate(LINE), lambda pixel: pixel[0]):
        rows = [row for _, row in pixels]
        if rows[-1] - rows[0] < LINE_WIDTH:
            level.append((column, rows[0]))
    runs = [list(run) for _, run in groupby(level, lambda pixel: pixel[1])]
    return [run[0] for run in runs if len(run) >= SHORTEST_STEP]


def date_back(system: RunningSystem, minutes: list[int]) -> None:
    """Let the actions, in their order, have been made so many minutes ago."""
    connection = psycopg2.connect(system.stores.database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM actions ORDER BY id")
        for (action,), ago in zip(cursor.fetchall(), minutes, strict=True):
            cursor.execute(
                "UPDATE actions SET created_at = now() - make_interval(mins => %s) WHERE id = %s",
                (ago, action),
            )
    connection.close()
