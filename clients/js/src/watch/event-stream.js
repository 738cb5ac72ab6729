/** Keeps an event stream (Server-Sent Events) open, without an account. */

import { RequestFailed } from "../errors.js";
import { withQuery } from "./broadcaster-address.js";
import { ConnectionFailed } from "./connection-failed.js";
import { StreamConnection } from "./stream-connection.js";

const OPEN_TIMEOUT_MS = 10_000;
/** After sleep or a change of the network a stream may be lost unnoticed. One that is silent is replaced. */
const WAKE_SILENT_MS = 2_000;
const REPLACE_TIMEOUT_MS = 4_000;

export class EventStream {
  name = "stream";
  #address;
  #query;
  #connection = null;
  #wakeTimer;

  constructor(address, query) {
    this.#address = address;
    this.#query = query;
  }

  async run(receiver, signal) {
    let connection = new StreamConnection();
    this.#connection = connection;
    const end = () => this.#connection.close();
    signal.addEventListener("abort", end);
    try {
      await this.#open(connection, OPEN_TIMEOUT_MS);
      for (;;) {
        try {
          await connection.read(receiver);
        } catch (error) {
          if (connection === this.#connection) throw error;
          connection = this.#connection;
        }
      }
    } finally {
      signal.removeEventListener("abort", end);
      clearTimeout(this.#wakeTimer);
      this.#wakeTimer = undefined;
      this.#connection.close();
      this.#connection = null;
    }
  }

  /** Replace the stream unless the server sends something soon, because a script can't ping over a stream. */
  wake() {
    const connection = this.#connection;
    if (!connection?.isOpen) return;
    const wokeAt = performance.now();
    // The signals of one wake may follow each other, and must not delay it.
    this.#wakeTimer ??= setTimeout(() => {
      this.#wakeTimer = undefined;
      if (connection === this.#connection && connection.receivedAt < wokeAt) this.#replace();
    }, WAKE_SILENT_MS);
  }

  /** Open another stream first, so that one that was not lost is live throughout. */
  async #replace() {
    const old = this.#connection;
    const replacement = new StreamConnection();
    try {
      await this.#open(replacement, REPLACE_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof ConnectionFailed)) throw error;
    }
    // One that was not opened is closed too: its timer would keep Node running.
    if (replacement.isOpen && this.#connection === old) this.#connection = replacement;
    else replacement.close();
    old.close();
  }

  async #open(connection, timeoutMs) {
    try {
      await connection.open(withQuery(await this.#address.stream(), this.#query), timeoutMs);
    } catch (error) {
      throw error instanceof RequestFailed ? new ConnectionFailed(error.message, null, error) : error;
    }
  }
}
