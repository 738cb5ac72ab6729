/** Scores one point: requests an action token and spends it, with retries until the reply is final. */

import { ApiError, RequestFailed } from "./errors.js";
import { sleep } from "./sleep.js";

/** The kinds of attempt that the server's fraud rule counts. */
export const TOKEN = "token";
export const INCREMENT = "increment";

const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000];
const MAX_RETRY_AFTER_MS = 10_000;

export class PointScorer {
  #request;
  #board;
  #waitForTurn;
  #onRetry;
  /** A token that may or may not have been counted, or that the rate limit refused. */
  #unsettledToken = null;
  /** Whether a reply to an increment with it was lost. */
  #maybeCounted = false;
  #scoring = Promise.resolve();

  /**
   * `request` sends an authorised request and returns {body, rateLimit}. `waitForTurn(kind)` is awaited
   * before each attempt, and `onRetry` is called before an increment is retried.
   */
  constructor(request, { board = "main", waitForTurn = async () => {}, onRetry = () => {} } = {}) {
    this.#request = request;
    this.#board = board;
    this.#waitForTurn = waitForTurn;
    this.#onRetry = onRetry;
  }

  /** Whether the last point may still be counted with the same token. */
  get hasUnsettledPoint() {
    return this.#unsettledToken !== null;
  }

  /**
   * Score one point: {newScore, newRank, boardVersion, warning, rateLimit, waitSeconds}.
   *
   * Throws the error of the last request. If it isn't known whether the point was counted, the next
   * call spends the same token first, so that no point is lost or counted twice.
   */
  score() {
    const result = this.#scoring.then(() => this.#scoreOnce());
    this.#scoring = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  async #scoreOnce() {
    if (this.#unsettledToken !== null) {
      try {
        return await this.#spend(this.#unsettledToken);
      } catch (error) {
        if (error.code !== "TOKEN_EXPIRED") throw error;
      }
    }
    await this.#waitForTurn(TOKEN);
    // Versions of the server before there were boards take no body.
    const fields = this.#board === "main" ? undefined : { board: this.#board };
    const { body, rateLimit } = await this.#request("POST", "api/actions/token", fields);
    this.#unsettledToken = body.actionToken;
    this.#maybeCounted = false;
    return this.#spend(body.actionToken, rateLimit);
  }

  async #spend(token, tokenLimit = null) {
    try {
      const { body, rateLimit } = await this.#incrementWithRetries(token);
      this.#unsettledToken = null;
      return { ...body, ...tighterLimit(rateLimit, tokenLimit) };
    } catch (error) {
      // If the point may have been counted, only a request with the same token shows it.
      const isUnknown = error.code === "TOKEN_INVALID" && this.#maybeCounted;
      const unsettled = isUncertain(error) || error.status === 429 || isUnknown;
      if (!unsettled) this.#unsettledToken = null;
      throw error;
    }
  }

  async #incrementWithRetries(token) {
    for (const delayMs of RETRY_DELAYS_MS) {
      let retryAfterMs = 0;
      try {
        return await this.#increment(token);
      } catch (error) {
        if (!isUncertain(error)) throw error;
        this.#maybeCounted = true;
        retryAfterMs = Math.min(error.waitSeconds * 1_000, MAX_RETRY_AFTER_MS);
      }
      this.#onRetry();
      await sleep(Math.max(retryAfterMs, delayMs * (1 + Math.random())));
    }
    return this.#increment(token);
  }

  async #increment(token) {
    await this.#waitForTurn(INCREMENT);
    try {
      return await this.#request("POST", "api/scores/increment", { actionToken: token });
    } catch (error) {
      // An earlier attempt was counted: the details have its result.
      if (!(error instanceof ApiError) || error.code !== "TOKEN_USED") throw error;
      return { body: error.details, rateLimit: error.rateLimit };
    }
  }
}

function isUncertain(error) {
  return error instanceof RequestFailed && error.uncertain;
}

/** {rateLimit, waitSeconds}: the limit with fewer attempts left, and the longer wait of both. */
function tighterLimit(incrementLimit, tokenLimit) {
  const both = tokenLimit === null ? [incrementLimit] : [incrementLimit, tokenLimit];
  const [rateLimit] = both.sort((one, other) => remainingOf(one) - remainingOf(other));
  return { rateLimit, waitSeconds: Math.max(...both.map(({ waitSeconds }) => waitSeconds)) };
}

function remainingOf({ remaining }) {
  return remaining ?? Infinity;
}
