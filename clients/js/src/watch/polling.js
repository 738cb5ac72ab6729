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
  /** Ends the present call and the pause after it. */
  #turn = new AbortController();

  constructor(calls, path) {
    this.#calls = calls;
    this.#path = path;
  }

  async run(receiver, signal) {
    const end = () => this.#turn.abort();
    signal.addEventListener("abort", end);
    try {
      while (!signal.aborted) {
        this.#turn = new AbortController();
        const turn = this.#turn.signal;
        const board = isHidden() ? null : await this.#readUntil(turn);
        if (board !== null && !signal.aborted) {
          receiver.live();
          receiver.receive({ event: "leaderboard_update", data: board });
          const { contest, board: key, period } = board;
          if (contest) receiver.receive({ event: "contest", data: { ...contest, board: key, period } });
        }
        await sleep(isHidden() ? HIDDEN_MS : POLL_MS, turn);
      }
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /** Read now: a call that was interrupted by a sleep may hang for long. */
  wake() {
    this.#turn.abort();
  }

  /** The board, or null if the signal comes first. */
  async #readUntil(signal) {
    const aborted = new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    try {
      const reply = await Promise.race([this.#calls.request("GET", this.#path), aborted]);
      return reply?.body ?? null;
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      if (FOR_GOOD.includes(error.code)) throw new WatchEnded(error.message, { cause: error });
      throw new ConnectionFailed(error.message, error.waitSeconds * 1000 || null, error);
    }
  }
}
