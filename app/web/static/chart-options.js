/** How the chart looks: uPlot's options, from the page's colours and type size. */

const WHOLE_STEPS = [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((power) => step * 10 ** power));
const LABELS_EM = 8;
const MOST_OF_WIDTH = 0.28;
const DASHED_FROM = 5;

const minutes = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** `range` tells from when to when (s), `labels` draws what stands at the lines' ends. */
export function chartOptions(uPlot, box, style, { colours, range, labels }) {
  const em = parseFloat(style.fontSize);
  const value = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: value("--soft"),
    font: `${em}px ${style.fontFamily}`,
    grid: { stroke: value("--line"), width: 1 },
    ticks: { show: false },
  };
  const stepped = uPlot.paths.stepped({ align: 1 });
  const line = (_, number) => ({
    stroke: value(`--series-${number}`),
    width: em / 6,
    // Ten colours are hard to tell apart; the later ones differ in the line too.
    dash: number < DASHED_FROM ? undefined : [em / 2, em / 4],
    paths: stepped,
    points: { show: false },
  });
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [em, Math.min(LABELS_EM * em, MOST_OF_WIDTH * box.clientWidth), 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true, range }, y: { range: wholeScores } },
    axes: [
      { ...axis, size: 2.2 * em, gap: em / 2, space: 6 * em, grid: { show: false }, values: times },
      { ...axis, size: widestScore(em), gap: em / 2, space: 2.5 * em, incrs: WHOLE_STEPS.toSorted((one, other) => one - other) },
    ],
    series: [{}, ...Array.from({ length: colours }, line)],
    hooks: { draw: [labels] },
  };
}

function wholeScores(_plot, least, most) {
  const margin = Math.max(1, (most - least) / 20);
  return [Math.max(0, Math.floor(least - margin)), Math.ceil(most + margin)];
}

function times(_plot, splits, _axis, _space, step) {
  const format = step < 60 ? seconds : minutes;
  return splits.map((split) => format.format(new Date(split * 1000)));
}

function widestScore(em) {
  return (_plot, values) => em + 0.6 * em * Math.max(1, ...(values ?? []).map((text) => text.length));
}
