/** Gets codes for an operator to type, and collects this screen's display token. */

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
  #isFirst = true;
  #isRenewed = false;
  /** The code to show now, or null. */
  code = null;

  /** `onCode()` is called when the code changes, `onToken(token)` when the screen is paired. */
  constructor(onCode, onToken) {
    this.#onCode = onCode;
    this.#onToken = onToken;
  }

  /** Show the first code of this page until it expires, and none after it. */
  showFirst() {
    this.#isRenewed = false;
    if (this.#isFirst) this.#start();
    else this.stop();
  }

  /** Show a code at any time: another one when it expires. */
  showAlways() {
    this.#isRenewed = true;
    this.#start();
  }

  stop() {
    this.#isRunning = false;
    this.#attempt += 1;
    this.#setCode(null);
  }

  #start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#attempt += 1;
    this.#run(this.#attempt);
  }

  #setCode(code) {
    if (code === this.code) return;
    this.code = code;
    this.#onCode();
  }

  async #run(attempt) {
    while (attempt === this.#attempt) {
      try {
        const { body } = await calls.request("POST", "api/displays/pairing");
        if (attempt !== this.#attempt) return;
        this.#setCode(body.code);
        await this.#collect(attempt, body);
        if (attempt !== this.#attempt) return;
        this.#isFirst = false;
        if (!this.#isRenewed) this.stop();
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
        console.warn(error.message);
        await sleep(Math.max(RETRY_MS, error.waitSeconds * 1000));
      }
    }
  }

  /** Ask for the token until the code expires; a request that failed is repeated later. */
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
