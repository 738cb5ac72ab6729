/** Calls an asynchronous function at an interval, but only while the tab is visible. */

import { RequestFailed } from "../api/http-request.js";
import { listenForWake } from "./wake-signals.js";

export class Poller {
  #poll;
  #intervalMs;
  #onFailure;
  #running = false;
  #timer;
  #latestPoll = 0;

  /** `onFailure` receives the RequestFailed of a call; the poller continues after it. */
  constructor(poll, intervalSeconds, onFailure) {
    this.#poll = poll;
    this.#intervalMs = intervalSeconds * 1000;
    this.#onFailure = onFailure;
    listenForWake(() => this.#schedule(0));
  }

  get running() {
    return this.#running;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#schedule(0);
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs) {
    clearTimeout(this.#timer);
    if (this.#running && !document.hidden) {
      this.#timer = setTimeout(() => this.#pollOnce(), delayMs);
    }
  }

  async #pollOnce() {
    this.#latestPoll += 1;
    const number = this.#latestPoll;
    let delayMs = this.#intervalMs;
    try {
      await this.#poll();
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      // A call that a sleep interrupted fails long after the next one has succeeded.
      if (number !== this.#latestPoll) return;
      delayMs = Math.max(delayMs, (error.waitSeconds ?? 0) * 1000);
      if (this.#running) this.#onFailure(error);
    }
    if (number === this.#latestPoll) this.#schedule(delayMs);
  }
}
