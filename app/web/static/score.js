/** One point: a token, then its increment, asked again with the same token until the answer is final. */

import { Refusal, isUncertain } from "./http.js";
import { pause } from "./pace.js";

/** The kinds of attempt that the server counts. */
export const TOKEN = "token";
export const INCREMENT = "increment";

const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000];
const LONGEST_DELAY_MS = 10_000;

export class PointScorer {
  #api;
  #pace;
  #askingAgain;
  /** A token whose point may or may not have been counted, or that the limit held back. */
  #unsettled = null;

  /** `pace` holds attempts back; `askingAgain` is called when an answer was lost. */
  constructor(api, pace, askingAgain) {
    this.#api = api;
    this.#pace = pace;
    this.#askingAgain = askingAgain;
  }

  /** Whether it isn't known if the last point was counted, or it waits for the limit. */
  get isOpen() {
    return this.#unsettled !== null;
  }

  /**
   * Score one point: {newScore, newRank, boardVersion, warning, allowance, waitSeconds}.
   *
   * Throws what the last call threw. Where that leaves open whether the point counted, the next
   * call settles the same token first, so that nobody's point is lost or counted twice.
   */
  async score() {
    if (this.#unsettled !== null) {
      try {
        return await this.#settle(this.#unsettled);
      } catch (error) {
        if (error.code !== "TOKEN_EXPIRED") throw error;
      }
    }
    await this.#pace.turn(TOKEN);
    const { body, allowance } = await this.#api.actionToken();
    this.#unsettled = body.actionToken;
    return this.#settle(body.actionToken, allowance);
  }

  async #settle(token, tokens = null) {
    try {
      const { body, allowance: increments } = await this.#increment(token);
      this.#unsettled = null;
      return { ...body, ...together(increments, tokens) };
    } catch (error) {
      const open = isUncertain(error) || error.status === 429;
      if (!open) this.#unsettled = null;
      throw error;
    }
  }

  async #increment(token) {
    for (const delay of RETRY_DELAYS_MS) {
      let asked = 0;
      try {
        return await this.#incrementOnce(token);
      } catch (error) {
        if (!isUncertain(error)) throw error;
        asked = Math.min((error.waitSeconds ?? 0) * 1_000, LONGEST_DELAY_MS);
      }
      this.#askingAgain();
      await pause(Math.max(asked, delay * (1 + Math.random())));
    }
    return this.#incrementOnce(token);
  }

  async #incrementOnce(token) {
    await this.#pace.turn(INCREMENT);
    try {
      return await this.#api.increment(token);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "TOKEN_USED") throw error;
      return { body: error.details, allowance: error.allowance };
    }
  }
}

/** What is left of both limits: the tighter allowance, and the longer wait. */
function together(increments, tokens) {
  const both = tokens === null ? [increments] : [increments, tokens];
  const [allowance] = both.toSorted((one, other) => left(one) - left(other));
  return { allowance, waitSeconds: Math.max(...both.map(({ waitSeconds }) => waitSeconds)) };
}

function left({ remaining }) {
  return remaining ?? Infinity;
}
