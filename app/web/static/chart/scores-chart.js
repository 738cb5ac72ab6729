/** The chart of the leaders' scores over time: when it is loaded and drawn, and what it shows as text. */

import { text } from "../common/texts.js";

const MIN_REDRAW_MS = 1_000;
/** Time passes without new scores too, so the chart is redrawn at this interval. */
const REDRAW_INTERVAL_MS = 5_000;
/** The delay before the plot is loaded again after a failure. */
const RELOAD_MS = 10_000;
/** How far below the window the chart may be when its plot is loaded. */
const LOAD_MARGIN = "25%";

export class ScoresChart {
  #box;
  #empty;
  #colours;
  #history = null;
  /** A ScoresPlot; null until it is loaded: it and uPlot are 45 kB, and not all viewers scroll down to the chart. */
  #plot = null;
  #drawnAt = -Infinity;
  #drawTimer;
  #isLoadable = true;

  /** `box` receives the chart; `empty` is shown while there is nothing to draw. */
  constructor(box, empty, colours) {
    this.#box = box;
    this.#empty = empty;
    this.#colours = colours;
    onceVisible(box.parentElement, () => this.#load());
    new ResizeObserver(() => this.#rebuild()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
    document.fonts.ready.then(() => this.#rebuild());
    setInterval(() => this.#drawSoon(), REDRAW_INTERVAL_MS);
  }

  /** Draw a ScoreHistory. Frequent calls are combined: the chart is drawn at most once a second. */
  show(history) {
    this.#history = history;
    this.#drawSoon();
  }

  #drawSoon() {
    if (this.#drawTimer !== undefined) return;
    const delayMs = Math.max(0, this.#drawnAt + MIN_REDRAW_MS - performance.now());
    this.#drawTimer = setTimeout(() => this.#draw(), delayMs);
  }

  #rebuild() {
    this.#plot?.clear();
    this.#drawnAt = -Infinity;
    this.#drawSoon();
  }

  async #load(attempt = 0) {
    try {
      // With a new address for each attempt, because some browsers remember a module that failed.
      const query = attempt === 0 ? "" : `?attempt=${attempt}`;
      const [{ default: uPlot }, { ScoresPlot }] = await Promise.all([
        import(`../vendor/uplot/uPlot.esm.js${query}`),
        import(`./scores-plot.js${query}`),
      ]);
      this.#plot = new ScoresPlot(uPlot, this.#box, this.#colours);
      this.#isLoadable = true;
      this.#rebuild();
    } catch {
      this.#isLoadable = false;
      this.#draw();
      setTimeout(() => this.#load(attempt + 1), RELOAD_MS);
    }
  }

  #draw() {
    this.#drawTimer = undefined;
    this.#drawnAt = performance.now();
    const isRead = (this.#history?.since ?? null) !== null;
    const hasFailed = !this.#isLoadable || (!isRead && this.#history?.hasFailed);
    // Until the history is read, it is not known whether there is something to draw.
    if (!isRead && !hasFailed) return;
    this.#empty.textContent = text(hasFailed ? "chart.failed" : "chart.none");
    const series = this.#history?.series ?? [];
    this.#box.hidden = series.length === 0 || hasFailed;
    this.#empty.hidden = !this.#box.hidden;
    if (this.#box.hidden) return;
    this.#box.setAttribute("aria-label", description(series));
    if (this.#plot !== null && this.#box.clientWidth > 0) this.#plot.draw(this.#history);
  }
}

/** Call `action` once, when the element is in the window or LOAD_MARGIN below it. */
function onceVisible(element, action) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      action();
    },
    { rootMargin: `0px 0px ${LOAD_MARGIN}` },
  );
  observer.observe(element);
}

/** The chart as text, for screen readers. */
function description(series) {
  const lines = series.map(({ displayName, points }) => {
    const [first, last] = [points[0].score, points.at(-1).score];
    return text("chart.line", { name: displayName, first, last });
  });
  return text("chart.summary", { lines: lines.join(", ") });
}
