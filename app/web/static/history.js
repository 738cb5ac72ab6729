/** The leaders' scores over time: what the API knew, and every board since. */

import { CallFailed } from "./http.js";

const LEAST_REREAD_MS = 10_000;
const SPREAD_MS = 5_000;
const MOST_POINTS = 600;

export class ScoreHistory {
  #read;
  #changed;
  #series = new Map();
  #board = null;
  #version = -1;
  #since = null;
  #readAt = -Infinity;
  #reading;

  /** `read` asks the API for the history; `changed` is called when there is something new. */
  constructor(read, changed) {
    this.#read = read;
    this.#changed = changed;
  }

  /** From when on it is known, in ms; null: not yet. */
  get since() {
    return this.#since;
  }

  /** [{userId, displayName, points: [{at, score}]}] of the present leaders in order; `at` in ms. */
  get series() {
    const leaders = this.#board?.standings ?? [];
    return leaders.flatMap(({ userId, displayName }) => {
      const points = this.#series.get(userId);
      return points === undefined ? [] : [{ userId, displayName, points }];
    });
  }

  /** Go on with a board of that moment (ms): {version, standings}. */
  follow(version, standings, at) {
    const first = this.#board === null;
    this.#board = { version, standings, at };
    this.#append();
    const long = [...this.#series.values()].some((points) => points.length > MOST_POINTS);
    if (first) this.#reread();
    else if (long) this.readSoon();
    this.#changed();
  }

  /** Ask the API again in a while, not with all other viewers at once. */
  readSoon() {
    const earliest = Math.max(0, this.#readAt + LEAST_REREAD_MS - performance.now());
    this.#reading ??= setTimeout(() => this.#reread(), earliest + Math.random() * SPREAD_MS);
  }

  async #reread() {
    clearTimeout(this.#reading);
    this.#reading = undefined;
    this.#readAt = performance.now();
    try {
      this.#load(await this.#read());
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      console.warn(`The history can't be read: ${error.message}`);
      this.readSoon();
    }
  }

  #load({ version, since, series }) {
    this.#since = Date.parse(since);
    this.#version = version;
    this.#series = new Map(
      series.map(({ userId, points }) => [
        userId,
        points.map(({ at, score }) => ({ at: Date.parse(at), score })),
      ]),
    );
    this.#append();
    this.#changed();
  }

  // A board that came while the history was on its way may know more than the history does.
  #append() {
    const { version, standings, at } = this.#board;
    if (this.#since === null || version < this.#version) return;
    for (const { userId, score } of standings) {
      const points = this.#series.get(userId);
      if (points === undefined) {
        // How a newcomer came here, only the API knows.
        this.#series.set(userId, [{ at, score }]);
        this.readSoon();
      } else if (points.at(-1).score !== score) {
        points.push({ at: Math.max(at, points.at(-1).at), score });
      }
    }
  }
}
