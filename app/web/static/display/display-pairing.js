/** Shows a code until an operator has typed it, and collects this screen's display token. */

import { calls } from "../api/site.js";
import { RequestFailed } from "../client/errors.js";
import { sleep } from "../client/sleep.js";

const RETRY_MS = 5_000;

export class DisplayPairing {
  #onCode;
  #onToken;
  /** Grows with each start and stop, so that an attempt knows that it is out of date. */
  #attempt = 0;
  #isRunning = false;

  /** `onCode(code)` is called for each new code, `onToken(token)` when the screen is paired. */
  constructor(onCode, onToken) {
    this.#onCode = onCode;
    this.#onToken = onToken;
  }

  get isRunning() {
    return this.#isRunning;
  }

  start() {
    this.#isRunning = true;
    this.#attempt += 1;
    this.#run(this.#attempt);
  }

  stop() {
    this.#isRunning = false;
    this.#attempt += 1;
  }

  async #run(attempt) {
    while (attempt === this.#attempt) {
      try {
        const { body } = await calls.request("POST", "api/displays/pairing");
        if (attempt !== this.#attempt) return;
        this.#onCode(body.code);
        await this.#collect(attempt, body);
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
        console.warn(error.message);
        await sleep(Math.max(RETRY_MS, error.waitSeconds * 1000));
      }
    }
  }

  /** Ask for the token until the code expires; each failure is only delayed. */
  async #collect(attempt, { secret, expiresIn, pollSeconds }) {
    const expiresAt = performance.now() + expiresIn * 1000;
    while (attempt === this.#attempt && performance.now() < expiresAt) {
      await sleep(pollSeconds * 1000);
      const token = await this.#readToken(secret);
      if (attempt !== this.#attempt) return;
      if (token !== null) {
        this.stop();
        this.#onToken(token);
      }
    }
  }

  async #readToken(secret) {
    try {
      const { body } = await calls.request("POST", "api/displays/token", { body: { secret } });
      return body.displayToken;
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      console.warn(error.message);
      return null;
    }
  }
}
