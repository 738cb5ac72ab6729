/** uPlot's options, from the page's colours and font size. */

import { LANGUAGE } from "../common/texts.js";

const INTEGER_STEPS = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
/** Half of the first time is to the left of the plot. */
const MIN_AXIS_EM = 2.5;
const FIRST_DASHED_COLOUR = 5;
/** The longest of uPlot's steps of less than a minute. */
const LONGEST_STEP_WITH_SECONDS = 30;

const minutes = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** How wide the lines are, in CSS pixels. */
export function lineWidth(style) {
  return parseFloat(style.fontSize) / 6;
}

/**
 * `range()` returns the first and last time in s, `scoreRange()` the lowest and highest score;
 * `drawLabels(plot)` draws the ends of the lines.
 */
export function chartOptions(uPlot, box, style, { colourCount, range, scoreRange, labelsWidth, drawLabels }) {
  const em = parseFloat(style.fontSize);
  const value = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: value("--soft"),
    font: `${em}px ${style.fontFamily}`,
    grid: { stroke: value("--line"), width: 1 },
    ticks: { show: false },
  };
  const stepped = uPlot.paths.stepped({ align: 1 });
  const line = (_, colour) => ({
    stroke: value(`--series-${colour}`),
    width: lineWidth(style),
    // Ten colours are hard to tell apart, so the later ones also have dashed lines.
    dash: colour < FIRST_DASHED_COLOUR ? undefined : [em / 2, em / 4],
    paths: stepped,
    points: { show: false },
  });
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [em, labelsWidth, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true, range }, y: { range: scoreRange } },
    axes: [
      { ...axis, size: 2.2 * em, gap: em / 2, space: timeSpace(em), grid: { show: false }, values: formatTimes },
      { ...axis, size: scoreAxisWidth(em), gap: em / 2, space: 2.5 * em, incrs: INTEGER_STEPS },
    ],
    series: [{}, ...Array.from({ length: colourCount }, line)],
    hooks: { draw: [drawLabels] },
  };
}

/** uPlot's function for the least room of a time, in px. In a narrow plot times with minutes are closer together. */
function timeSpace(em) {
  const [least, most] = [4 * em, 6 * em];
  return (_plot, _axis, first, last, width) => {
    const hasSeconds = ((last - first) * least) / width <= LONGEST_STEP_WITH_SECONDS;
    return hasSeconds ? most : Math.min(most, Math.max(least, width / 4));
  };
}

function formatTimes(plot, splits, _axis, _space, stepSeconds) {
  const format = stepSeconds < 60 ? seconds : minutes;
  // Some of uPlot's times are a second too early: a full hour must not appear as the minute before it.
  const unit = stepSeconds < 60 ? 1 : 60;
  const text = (split) => format.format(new Date(Math.round(split / unit) * unit * 1000));
  // uPlot has a time after the end of a short scale, where the names are.
  return splits.map((split) => (split > plot.scales.x.max ? "" : text(split)));
}

/** uPlot's function for the width of the score axis: that of its longest label. */
function scoreAxisWidth(em) {
  const width = (labels) => em + 0.6 * em * Math.max(1, ...labels.map((text) => text.length));
  return (_plot, labels) => Math.max(MIN_AXIS_EM * em, width(labels ?? []));
}
