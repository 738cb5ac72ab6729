/** One point: a token, then its increment, asked again with the same token until the answer is final. */

import { Refusal, isUncertain } from "./api.js";

const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000];
const LONGEST_DELAY_MS = 10_000;

export class PointScorer {
  #api;
  #askingAgain;
  /** A token whose point may or may not have been counted, or that the limit held back. */
  #unsettled = null;

  /** `askingAgain` is called when an answer was lost. */
  constructor(api, askingAgain) {
    this.#api = api;
    this.#askingAgain = askingAgain;
  }

  /** Whether it isn't known if the last point was counted, or it waits for the limit. */
  get isOpen() {
    return this.#unsettled !== null;
  }

  /**
   * Score one point: {newScore, newRank, boardVersion, waitSeconds}.
   *
   * Throws what the last call threw. Where that leaves open whether the point counted, the next
   * call settles the same token first, so that nobody's point is lost or counted twice.
   */
  async score() {
    if (this.#unsettled !== null) {
      try {
        return await this.#settle(this.#unsettled, 0);
      } catch (error) {
        if (error.code !== "TOKEN_EXPIRED") throw error;
      }
    }
    const { body, waitSeconds } = await this.#api.actionToken();
    this.#unsettled = body.actionToken;
    return this.#settle(body.actionToken, waitSeconds);
  }

  async #settle(token, tokenWaitSeconds) {
    try {
      const { body, waitSeconds } = await this.#increment(token);
      this.#unsettled = null;
      return { ...body, waitSeconds: Math.max(waitSeconds, tokenWaitSeconds) };
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
    try {
      return await this.#api.increment(token);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "TOKEN_USED") throw error;
      return { body: error.details, waitSeconds: error.waitSeconds };
    }
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
