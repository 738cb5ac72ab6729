/** Scores from a trusted server. */

import { Calls } from "./calls.js";
import { RequestFailed, ScoresUnanswered } from "./errors.js";
import { sleep } from "./sleep.js";
import { newId } from "./uuid7.js";

const MAX_ACTS = 500;
/** The API takes 256 KiB; the rest is for the JSON around the acts. */
const MAX_BYTES = 250_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 8_000;

export class Service {
  #calls;
  #key;
  #retryMs;

  /** `key` is `sk_…`. A call whose reply is lost is repeated for `retrySeconds`; the ids make it safe. */
  constructor(url, key, { retrySeconds = 60 } = {}) {
    this.#calls = new Calls(url);
    this.#key = key;
    this.#retryMs = retrySeconds * 1000;
  }

  /**
   * Count acts, 500 a call, and return an answer for each, in their order.
   *
   * An act is {board, points, username or userId, label?, id?}; one without an id gets one. Throws
   * ScoresUnanswered if the server refuses a call, such as for a revoked key, or does not answer within
   * the time for retries.
   */
  async score(acts) {
    const withIds = acts.map((act) => ({ ...act, id: act.id ?? newId() }));
    const results = [];
    // All batches before the first call: an act that can't be sent must not end it halfway.
    for (const batch of [...batches(withIds)]) {
      try {
        results.push(...(await this.#send(batch)));
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
        throw new ScoresUnanswered(results, withIds.slice(results.length), error);
      }
    }
    return results;
  }

  async #send(batch) {
    const giveUpAt = performance.now() + this.#retryMs;
    let backoffMs = FIRST_RETRY_MS;
    for (;;) {
      let pauseMs;
      try {
        const options = { body: { scores: batch }, token: this.#key };
        return (await this.#calls.request("POST", "api/service/scores", options)).body.results;
      } catch (error) {
        if (!mayRepeat(error)) throw error;
        pauseMs = Math.max(error.waitSeconds * 1000, (backoffMs * (1 + Math.random())) / 2);
        if (performance.now() + pauseMs > giveUpAt) throw error;
      }
      await sleep(pauseMs);
      backoffMs = Math.min(backoffMs * 2, MAX_RETRY_MS);
    }
  }
}

/** The acts in their order, in parts that the API takes in one call. */
function* batches(acts) {
  let batch = [];
  let bytes = 0;
  for (const act of acts) {
    const length = new TextEncoder().encode(JSON.stringify(act)).length + 1;
    if (batch.length > 0 && (batch.length === MAX_ACTS || bytes + length > MAX_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(act);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}

function mayRepeat(error) {
  return error instanceof RequestFailed && (error.uncertain || error.status === 429);
}
