/** One event stream, read by `fetch`, which says why it is refused. */

import { ConnectionFailed } from "./connection-failed.js";
import { EventParser } from "./event-parser.js";

const MEDIA_TYPE = "text/event-stream";
/** A stream that has sent nothing for this time, not even a comment, is lost. */
const SILENT_MS = 45_000;

export class StreamConnection {
  #request = new AbortController();
  #reader = null;
  #timer;
  /** When something was received last, in performance.now() ms. */
  receivedAt = -Infinity;

  get isOpen() {
    return this.#reader !== null;
  }

  /** Throws ConnectionFailed, also if it takes too long. */
  async open(address, timeoutMs) {
    this.#closeAfter(timeoutMs);
    const headers = { Accept: MEDIA_TYPE };
    const { signal } = this.#request;
    const reply = await translateFailure(fetch(address, { headers, cache: "no-store", credentials: "omit", signal }));
    if (!reply.ok || !reply.headers.get("Content-Type")?.startsWith(MEDIA_TYPE)) {
      this.close();
      const waitSeconds = Number(reply.headers.get("Retry-After") ?? 0);
      throw new ConnectionFailed(`HTTP ${reply.status}`, waitSeconds * 1000 || null);
    }
    this.#reader = reply.body.getReader();
  }

  /** Pass the events of the open stream on until it ends, always by ConnectionFailed. */
  async read(receiver) {
    const decoder = new TextDecoder();
    const parser = new EventParser();
    /** The data of the server's last event, if it said why it ends the stream. */
    let disconnect = null;
    for (;;) {
      this.receivedAt = performance.now();
      this.#closeAfter(SILENT_MS);
      const { value, done } = await translateFailure(this.#reader.read());
      if (done) throw new ConnectionFailed(disconnect?.reason ?? "The stream ended", disconnect?.reconnectInMs);
      for (const event of parser.parse(decoder.decode(value, { stream: true }))) {
        if (event.event === "disconnect") disconnect = event.data;
        else receiver.live();
        receiver.receive(event);
      }
    }
  }

  close() {
    clearTimeout(this.#timer);
    this.#request.abort();
  }

  #closeAfter(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), milliseconds);
  }
}

/** The result of a network operation, whose failures become ConnectionFailed. */
async function translateFailure(operation) {
  try {
    return await operation;
  } catch (error) {
    throw error instanceof TypeError || error.name === "AbortError" ? new ConnectionFailed(error.message) : error;
  }
}
