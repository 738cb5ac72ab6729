"""The names beside the chart and the times below it."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenPage
from tests.support.system.harness import SystemHarness

pytestmark = pytest.mark.slow


def test_accents_of_a_name_are_drawn_only_on_the_line_of_the_name(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    # A name that the API refuses, because older versions accepted it.
    top, bottom = page.evaluate(
        """async (displayName) => {
            const { drawLabels } = await import("/assets/chart/chart-labels.js");
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [600, 400];
            const ctx = canvas.getContext("2d");
            const bbox = { left: 0, top: 0, width: 100, height: 400 };
            const style = {
                fontSize: "20px", fontFamily: "sans-serif", getPropertyValue: () => "#000",
            };
            const series = [{ userId: "1", displayName }];
            const data = [[0], [1]];
            const colours = { indexOf: () => 0 };
            drawLabels({ ctx, bbox, data, valToPos: () => 200 }, series, colours, style);
            const { data: pixels, width } = ctx.getImageData(0, 0, 600, 400);
            const rows = [];
            for (let i = 3; i < pixels.length; i += 4) {
                if (pixels[i] > 0) rows.push(Math.floor(i / 4 / width));
            }
            return [Math.min(...rows), Math.max(...rows)];
        }""",
        "A" + "\u0300\u0316" * 48,
    )
    assert 200 - 13 <= top < 200 < bottom <= 200 + 13


def test_names_beside_a_low_chart_are_no_higher_than_their_lines(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    fonts = open_page(running_system).evaluate(
        """async () => {
            const { drawLabels } = await import("/assets/chart/chart-labels.js");
            const ctx = document.createElement("canvas").getContext("2d");
            const fonts = [];
            ctx.fillText = () => fonts.push(parseFloat(ctx.font));
            const bbox = { left: 0, top: 0, width: 100, height: 36 };
            const style = {
                fontSize: "20px", fontFamily: "sans-serif", getPropertyValue: () => "#000",
            };
            const names = ["Ada", "Ben", "Cyd", "Dan"];
            const series = names.map((name) => ({ userId: name, displayName: name }));
            const plot = { ctx, bbox, data: [[0], [1]], valToPos: () => 10 };
            drawLabels(plot, series, { indexOf: () => 0 }, style);
            return fonts;
        }"""
    )
    assert fonts == [12, 12, 12, 12]


def test_the_names_beside_the_chart_take_the_width_of_the_longest_within_limits(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    short, long, in_narrow, in_wide = open_page(running_system).evaluate(
        """async () => {
            const { widthOfLabels } = await import("/assets/chart/chart-labels.js");
            const style = { fontSize: "10px", fontFamily: "sans-serif" };
            const width = (name, chart) => widthOfLabels([{ displayName: name }], chart, style);
            const long = "Grace Hopper".repeat(9);
            return [width("Ada", 600), width(long, 600), width(long, 300), width(long, 2000)];
        }"""
    )
    assert short == 40
    assert (long, in_narrow, in_wide) == (160, 126, 480)


def test_a_time_of_the_axis_is_the_whole_minute_and_not_after_the_end_of_the_scale(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    early, exact, late = open_page(running_system).evaluate(
        """async () => {
            const { chartOptions } = await import("/assets/chart/chart-options.js");
            const box = { clientWidth: 600, clientHeight: 400 };
            const style = {
                fontSize: "20px", fontFamily: "sans-serif", getPropertyValue: () => "#000",
            };
            const uPlot = { paths: { stepped: () => null } };
            const [times] = chartOptions(uPlot, box, style, { colourCount: 1 }).axes;
            const minute = Date.UTC(2020, 2, 4, 12) / 1000;
            const plot = { scales: { x: { max: minute } } };
            return times.values(plot, [minute - 1, minute, minute + 1], 0, 0, 600);
        }"""
    )
    assert early == exact != ""
    assert late == ""


@pytest.mark.parametrize(("width", "minutes"), [(300, 48), (300, 100), (900, 48), (300, 1)])
def test_the_axis_of_a_narrow_chart_has_two_times_or_more_without_overlap(
    open_page: OpenPage, running_system: SystemHarness, width: int, minutes: int
) -> None:
    count, room, widest = open_page(running_system).evaluate(
        """async ([width, minutes]) => {
            const { default: uPlot } = await import("/assets/vendor/uplot/uPlot.esm.js");
            const { chartOptions } = await import("/assets/chart/chart-options.js");
            const box = document.createElement("div");
            document.body.append(box);
            box.style.cssText = `width: ${width}px; height: 300px; font: 17px Archivo`;
            const first = Date.UTC(2020, 2, 4, 12, 7) / 1000;
            const range = [first, first + 60 * minutes];
            const plot = new uPlot(
                chartOptions(uPlot, box, getComputedStyle(box), {
                    colourCount: 1,
                    range: () => range,
                    scoreRange: () => [0, 1],
                    labelsWidth: () => 0,
                    drawLabels: () => {},
                }),
                [range, [0, 1]],
                box,
            );
            await new Promise(requestAnimationFrame);
            const { _splits: times, _values: texts } = plot.axes[0];
            const [left, right] = times.slice(0, 2).map((time) => plot.valToPos(time, "x"));
            const context = plot.ctx;
            context.font = "17px Archivo";
            const widths = texts.map((text) => context.measureText(text).width);
            return [times.length, right - left, Math.max(...widths)];
        }""",
        [width, minutes],
    )
    assert count >= 2
    assert room > 1.2 * widest
