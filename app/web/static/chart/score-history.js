/** The leaders' scores over time: the API's history, continued with each board. */

import { RequestFailed } from "../client/errors.js";

const MIN_RELOAD_MS = 10_000;
const RELOAD_JITTER_MS = 5_000;
/** The API returns a history that is up to 1 s old, so a page that has just started may miss a point. */
const FIRST_RETRY_MS = 1_500;
/** Above this number of points of one player the history is read again: the API returns at most 200. */
const MAX_POINTS = 600;

export class ScoreHistory {
  #read;
  #onChange;
  #pointsByUser = new Map();
  #board = null;
  #version = -1;
  #since = null;
  #hasFailed = false;
  #loadedAt = -Infinity;
  #reloadTimer;

  /** `read` reads the history from the API; `onChange` is called when there are new points. */
  constructor(read, onChange) {
    this.#read = read;
    this.#onChange = onChange;
  }

  /** The time from which the history is known, in ms since 1970; null until it is loaded. */
  get since() {
    return this.#since;
  }

  /** Whether the history could not be read the last time. */
  get hasFailed() {
    return this.#hasFailed;
  }

  /** [{userId, displayName, points: [{at, score}]}] of the current leaders in order; `at` in ms. */
  get series() {
    const leaders = this.#board?.standings ?? [];
    return leaders.flatMap(({ userId, displayName }) => {
      const points = this.#pointsByUser.get(userId);
      return points === undefined ? [] : [{ userId, displayName, points }];
    });
  }

  /** Add the scores of a board; `at` is its time in ms since 1970. */
  addBoard(version, standings, at) {
    const first = this.#board === null;
    this.#board = { version, standings, at };
    this.#appendBoard();
    const tooLong = [...this.#pointsByUser.values()].some((points) => points.length > MAX_POINTS);
    if (first) this.#reload();
    else if (tooLong) this.reloadSoon();
    this.#onChange();
  }

  /** Read the history again after a random delay, so that not all viewers read it at once. */
  reloadSoon() {
    const minDelayMs = Math.max(0, this.#loadedAt + MIN_RELOAD_MS - performance.now());
    this.#reloadAfter(minDelayMs + Math.random() * RELOAD_JITTER_MS);
  }

  #reloadAfter(delayMs) {
    this.#reloadTimer ??= setTimeout(() => this.#reload(), delayMs);
  }

  async #reload() {
    clearTimeout(this.#reloadTimer);
    this.#reloadTimer = undefined;
    this.#loadedAt = performance.now();
    try {
      this.#use(await this.#read());
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      console.warn(`The history can't be read: ${error.message}`);
      this.reloadSoon();
      this.#hasFailed = true;
      this.#onChange();
    }
  }

  #use({ version, since, series }) {
    const isFirst = this.#since === null;
    this.#hasFailed = false;
    this.#since = Date.parse(since);
    this.#version = version;
    this.#pointsByUser = new Map(
      series.map(({ userId, points }) => [
        userId,
        points.map(({ at, score }) => ({ at: Date.parse(at), score })),
      ]),
    );
    if (isFirst && version < this.#board.version) this.#reloadAfter(FIRST_RETRY_MS * (1 + Math.random()));
    this.#appendBoard();
    this.#onChange();
  }

  // Also called after a reload: the board on the page may be newer than the reply.
  #appendBoard() {
    const { version, standings, at } = this.#board;
    if (this.#since === null || version < this.#version) return;
    for (const { userId, score } of standings) {
      const points = this.#pointsByUser.get(userId);
      if (points === undefined) {
        // Only the API knows the earlier scores of a player that is new on the board.
        this.#pointsByUser.set(userId, [{ at, score }]);
        this.reloadSoon();
      } else if (points.at(-1).score !== score) {
        points.push({ at: Math.max(at, points.at(-1).at), score });
      }
    }
  }
}
