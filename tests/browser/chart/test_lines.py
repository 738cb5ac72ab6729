"""The chart of the leaders' scores shows the scores at their times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import psycopg2
import pytest

from tests.browser.conftest import OpenPage, system_with
from tests.browser.page_actions import (
    console_errors_of,
    expect,
    log_in,
    refuse_streams,
    show_chart,
)
from tests.support.servers import DatabaseServer
from tests.support.system.harness import SystemHarness
from tests.support.waiting import await_true

if TYPE_CHECKING:
    from playwright.sync_api import Page

# [column, row] of each pixel that has exactly the colour of a player's line.
LINE = """(colour) => {
    const canvas = document.querySelector("#chart canvas");
    if (canvas === null) return [];
    const style = getComputedStyle(document.getElementById("chart"));
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = style.getPropertyValue(`--series-${colour}`).trim();
    const wanted = parseInt(probe.fillStyle.slice(1), 16);
    const { data, width, height } = canvas
        .getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixels = [];
    for (let x = 0; x < width; x += 1) {
        for (let y = 0; y < height; y += 1) {
            const at = 4 * (y * width + x);
            const found = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
            if (found === wanted && data[at + 3] === 255) pixels.push([x, y]);
        }
    }
    return pixels;
}"""
LINE_WIDTH = 4
SHORTEST_STEP = 12
"""In columns: wider than the dots at the end of the line."""
POINTS_BY_AGE = {40: 1, 30: 2, 10: 3}
"""How many points were scored, by minutes before now."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system in which one player has a history."""
    for system in system_with(postgres, tmp_path_factory, {}):
        player = system.register("Only One")
        minutes_ago = [minutes for minutes, points in POINTS_BY_AGE.items() for _ in range(points)]
        for _ in minutes_ago:
            player.score_point()
        backdate_actions(system, minutes_ago)
        yield system


def test_the_line_has_a_step_at_each_score_as_high_as_its_points(
    open_page: OpenPage, system: SystemHarness
) -> None:
    page = open_page(system)
    console_errors = console_errors_of(page)
    show_chart(page)
    assert console_errors == []
    (steps,) = await_steps(page, lambda lines: len(lines[0]) == 1 + len(POINTS_BY_AGE))
    heights = [before[1] - after[1] for before, after in pairwise(steps)]
    point = heights[0]
    assert point > 5
    assert heights == pytest.approx([points * point for points in POINTS_BY_AGE.values()], abs=2)
    first, second, third = (column for column, _ in steps[1:])
    # From 40 to 30 minutes ago is a third of the way from 40 to 10.
    assert (second - first) / (third - first) == pytest.approx(1 / 3, abs=0.02)


def test_each_new_point_is_added_to_the_chart_and_to_its_text_for_screen_readers(
    open_page: OpenPage, system: SystemHarness
) -> None:
    page = open_page(system)
    chart = page.locator("#chart")
    expect(chart).to_have_attribute("aria-label", re.compile(r": Only One from 0 to \d+$"))
    player = system.register("Second")
    log_in(page, player)
    page.locator("#score").click()
    expect(chart).to_have_attribute("aria-label", re.compile(r"Second from \d to 1$"))
    page.locator("#score").click()
    expect(chart).to_have_attribute("aria-label", re.compile(r"Second from \d to 2$"))


def test_lines_of_equal_scores_lie_side_by_side(open_page: OpenPage, system: SystemHarness) -> None:
    page = open_page(system)
    times = ["2020-03-04T12:00:00.000Z", "2020-03-04T12:20:00.000Z", "2020-03-04T12:40:00.000Z"]
    # Ada and Ben are equal all the time, Cyd only at the end.
    scores = {"ada": [0, 3, 6], "ben": [0, 3, 6], "cyd": [1, 2, 6]}
    names = {name: {"userId": name, "username": name, "displayName": name} for name in scores}
    board = {
        "version": 2**52,
        "updatedAt": times[-1],
        "leaderboard": [{**names[name], "rank": 1, "score": 6} for name in scores],
    }
    points = {
        name: [{"at": at, "score": score} for at, score in zip(times, values, strict=True)]
        for name, values in scores.items()
    }
    history = {
        "version": 2**52,
        "since": times[0],
        "until": times[-1],
        "series": [{**names[name], "score": 6, "points": points[name]} for name in scores],
    }
    refuse_streams(page)
    page.route("**/api/leaderboard?*", lambda route: route.fulfill(json=board))
    page.route("**/api/leaderboard/history?*", lambda route: route.fulfill(json=history))
    page.clock.set_fixed_time("2020-03-04T13:00:00.000Z")
    page.reload()
    show_chart(page)
    lines = await_steps(page, all, colours=len(scores))
    last_rows = [steps[-1][1] for steps in lines]
    assert [later - row for row, later in pairwise(last_rows)] == pytest.approx([3, 3], abs=1)
    ada, ben, cyd = (steps[-2][1] for steps in lines)
    assert ben - ada == pytest.approx(3, abs=1)
    assert cyd - ben > 10


def test_the_chart_says_that_it_could_not_be_loaded_if_the_history_is_not_reached(
    open_page: OpenPage, system: SystemHarness
) -> None:
    page = open_page(system)
    page.route("**/api/leaderboard/history?*", lambda route: route.abort())
    page.reload()
    expect(page.locator("#chart-empty")).to_have_text("The chart could not be loaded.")


Steps = list[tuple[int, int]]


def await_steps(
    page: Page, condition: Callable[[list[Steps]], bool], colours: int = 1
) -> list[Steps]:
    """The steps of each line as soon as the condition holds; the chart may be drawn again."""
    lines: list[Steps] = []

    def hold() -> bool:
        lines[:] = (steps_of(page, colour) for colour in range(colours))
        return condition(lines)

    await_true(hold, 30)
    return lines


def steps_of(page: Page, colour: int) -> Steps:
    """The horizontal parts of a line, as (first column, row)."""
    horizontal = []
    for column, pixels in groupby(page.evaluate(LINE, colour), lambda pixel: pixel[0]):
        rows = [row for _, row in pixels]
        if rows[-1] - rows[0] < LINE_WIDTH:
            horizontal.append((column, rows[0]))
    runs = [list(run) for _, run in groupby(horizontal, lambda pixel: pixel[1])]
    return [run[0] for run in runs if len(run) >= SHORTEST_STEP]


def backdate_actions(system: SystemHarness, minutes_ago: list[int]) -> None:
    """Set the times of the actions, in their order, to these numbers of minutes before now."""
    connection = psycopg2.connect(system.stores.database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM actions ORDER BY id")
        for (action,), ago in zip(cursor.fetchall(), minutes_ago, strict=True):
            cursor.execute(
                "UPDATE actions SET created_at = now() - make_interval(mins => %s) WHERE id = %s",
                (ago, action),
            )
    connection.close()
