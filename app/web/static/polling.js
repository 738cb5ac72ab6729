/** Call `poll` now and then every `seconds`, but only while the tab is seen. */

import { CallFailed } from "./http.js";

export class Polling {
  #poll;
  #milliseconds;
  #failed;
  #running = false;
  #timer;

  /** `poll` is asynchronous; `failed` is told of calls that failed, and the next is made all the same. */
  constructor(poll, seconds, failed) {
    this.#poll = poll;
    this.#milliseconds = seconds * 1000;
    this.#failed = failed;
    document.addEventListener("visibilitychange", () => this.#next(0));
  }

  get running() {
    return this.#running;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#next(0);
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  #next(milliseconds) {
    clearTimeout(this.#timer);
    if (this.#running && !document.hidden) {
      this.#timer = setTimeout(() => this.#once(), milliseconds);
    }
  }

  async #once() {
    let wait = this.#milliseconds;
    try {
      await this.#poll();
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      wait = Math.max(wait, (error.waitSeconds ?? 0) * 1000);
      if (this.#running) this.#failed(error);
    }
    this.#next(wait);
  }
}
