/** Draws the leaders' scores over time by uPlot. Loaded with it when the chart is visible. */

import { COLOUR_COUNT } from "../common/player-colours.js";
import { serverNow } from "../common/server-clock.js";
import { plotData, scoreRange, separateEqualScores, timeRange } from "./chart-data.js";
import { drawLabels, widthOfLabels } from "./chart-labels.js";
import { chartOptions, lineWidth } from "./chart-options.js";

export class ScoresPlot {
  #uPlot;
  #box;
  #colours;
  #plot = null;
  #series = [];
  #range = [0, 1];
  #scoreRange = [0, 1];

  /** `uPlot` is the library's class, and `box` receives what it draws. */
  constructor(uPlot, box, colours) {
    this.#uPlot = uPlot;
    this.#box = box;
    this.#colours = colours;
  }

  /** Draw a ScoreHistory that was read. */
  draw({ series, since }) {
    this.#series = series;
    this.#range = timeRange(series, since, serverNow());
    const data = this.#separated(plotData(series, this.#colours, this.#range));
    if (this.#plot === null) this.#plot = new this.#uPlot(this.#options(), data, this.#box);
    else this.#plot.setData(data);
  }

  /** Remove what was drawn. The next draw() uses the size, colours and font that the box has then. */
  clear() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** Lines of equal scores lie side by side, or only the last of them would be seen. */
  #separated(data) {
    this.#scoreRange = scoreRange(data);
    const [lowest, highest] = this.#scoreRange;
    const scorePerPixel = (highest - lowest) / this.#box.clientHeight;
    return separateEqualScores(data, lineWidth(getComputedStyle(this.#box)) * scorePerPixel);
  }

  #options() {
    const style = getComputedStyle(this.#box);
    return chartOptions(this.#uPlot, this.#box, style, {
      colourCount: COLOUR_COUNT,
      range: () => this.#range.map((time) => time / 1000),
      scoreRange: () => this.#scoreRange,
      labelsWidth: () => widthOfLabels(this.#series, this.#box.clientWidth, style),
      drawLabels: (plot) => drawLabels(plot, this.#series, this.#colours, style),
    });
  }
}
