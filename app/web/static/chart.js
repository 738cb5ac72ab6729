/** The chart of the leaders' scores over time: uPlot, with each player's name at the line's end. */

import { serverNow } from "./clock.js";
import { COLOURS } from "./colours.js";
import { drawLabels } from "./chart-labels.js";
import { chartOptions } from "./chart-options.js";
import { aligned, span } from "./timeline.js";
import { formatted } from "./words.js";

const LEAST_REDRAW_MS = 1_000;
const TICK_MS = 5_000;

export class ScoresChart {
  #box;
  #empty;
  #colours;
  #history = null;
  #plot = null;
  #range = [0, 1];
  #drawnAt = -Infinity;
  #drawing;
  /** uPlot's class: the board needn't wait for it. */
  #library = import("./vendor/uplot/uPlot.esm.js");

  /** `box` takes the chart, `empty` is shown while there is nothing to draw. */
  constructor(box, empty, colours) {
    this.#box = box;
    this.#empty = empty;
    this.#colours = colours;
    new ResizeObserver(() => this.#rebuild()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
    document.fonts.ready.then(() => this.#rebuild());
    setInterval(() => this.#soon(), TICK_MS);
  }

  /** Draw this history; often called, drawn once a second. */
  show(history) {
    this.#history = history;
    this.#soon();
  }

  #soon() {
    const delay = Math.max(0, this.#drawnAt + LEAST_REDRAW_MS - performance.now());
    this.#drawing ??= setTimeout(() => this.#draw(), delay);
  }

  #rebuild() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#drawnAt = -Infinity;
    this.#soon();
  }

  async #draw() {
    const { default: uPlot } = await this.#library;
    this.#drawing = undefined;
    this.#drawnAt = performance.now();
    const series = this.#history?.series ?? [];
    this.#empty.hidden = series.length > 0;
    this.#box.hidden = series.length === 0;
    if (series.length === 0 || this.#history.since === null || this.#box.clientWidth === 0) return;
    this.#range = span(series, this.#history.since, serverNow());
    const data = aligned(series, this.#colours, this.#range);
    if (this.#plot === null) this.#plot = new uPlot(this.#options(uPlot), data, this.#box);
    else this.#plot.setData(data);
    this.#box.ariaLabel = inWords(series);
  }

  #options(uPlot) {
    const style = getComputedStyle(this.#box);
    const range = () => this.#range.map((moment) => moment / 1000);
    const labels = (plot) => drawLabels(plot, this.#history.series, this.#colours, style);
    return chartOptions(uPlot, this.#box, style, { colours: COLOURS, range, labels });
  }
}

function inWords(series) {
  const lines = series.map(({ displayName, points }) => {
    const [first, last] = [points[0].score, points.at(-1).score];
    return `${displayName} from ${formatted(first)} to ${formatted(last)}`;
  });
  return `Scores over time: ${lines.join(", ")}`;
}
