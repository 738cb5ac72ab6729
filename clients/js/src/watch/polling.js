/** Reads the board at an interval, but in a page only while it is visible. */

import { RequestFailed, WatchEnded } from "../errors.js";
import { sleep } from "../sleep.js";
import { ConnectionFailed } from "./connection-failed.js";
import { isHidden } from "./wake-signals.js";

const POLL_MS = 2_000;
const HIDDEN_MS = 500;
/** There is no such board, or it has no such period. */
const FOR_GOOD = ["NOT_FOUND", "VALIDATION_ERROR"];

export class Polling {
  name = "polling";
  #calls;
  #path;
  /** Ends the present pause. */
  #pollNow = new AbortController();

  constructor(calls, path) {
    this.#calls = calls;
    this.#path = path;
  }

  async run(receiver, signal) {
    while (!signal.aborted) {
      while (isHidden() && !signal.aborted) await this.#pause(HIDDEN_MS, signal);
      let board;
      try {
        board = (await this.#calls.request("GET", this.#path)).body;
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
        if (FOR_GOOD.includes(error.code)) throw new WatchEnded(error.message, { cause: error });
        throw new ConnectionFailed(error.message, error.waitSeconds * 1000 || null, error);
      }
      if (signal.aborted) return;
      receiver.live();
      receiver.receive({ event: "leaderboard_update", data: board });
      await this.#pause(POLL_MS, signal);
    }
  }

  /** Read now. */
  wake() {
    this.#pollNow.abort();
  }

  async #pause(milliseconds, signal) {
    if (signal.aborted) return;
    this.#pollNow = new AbortController();
    const end = () => this.#pollNow.abort();
    signal.addEventListener("abort", end);
    await sleep(milliseconds, this.#pollNow.signal);
    signal.removeEventListener("abort", end);
  }
}
