/** Follows the clock of a board by the server's time: each second of a countdown, and each change of the state. */

import { serverNow } from "../common/server-clock.js";
import { msToNextChange, stateAt } from "./contest-clock.js";

export class ClockTicker {
  #banner;
  #onState;
  #contest = null;
  #state = null;
  #timer;

  /** `banner` is a ClockBanner. `onState(state, before)` is called when the state changes; `before` is null at first. */
  constructor(banner, onState = () => {}) {
    this.#banner = banner;
    this.#onState = onState;
  }

  /** The present state; null before the first contest. */
  get state() {
    return this.#state;
  }

  /** Follow the clock of this contest from now on. */
  follow(contest) {
    this.#contest = contest;
    this.#tick();
  }

  #tick() {
    clearTimeout(this.#timer);
    const now = serverNow();
    const [before, state] = [this.#state, stateAt(this.#contest, now)];
    this.#state = state;
    this.#banner.show(this.#contest, state, now);
    if (state !== before) this.#onState(state, before);
    const wait = msToNextChange(this.#contest, now);
    if (wait !== null) this.#timer = setTimeout(() => this.#tick(), wait);
  }
}
