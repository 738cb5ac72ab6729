/** The event stream (Server-Sent Events), without an account. Read by `fetch`, which says why it is refused. */

import { RequestFailed } from "../errors.js";
import { withQuery } from "./broadcaster-address.js";
import { ConnectionFailed } from "./connection-failed.js";

const MEDIA_TYPE = "text/event-stream";
const OPEN_TIMEOUT_MS = 10_000;
/** A stream that has sent nothing for this time, not even a comment, is lost. */
const SILENT_MS = 45_000;
/** After sleep or a change of the network a stream may be lost unnoticed, so it is opened again. */
const WAKE_SILENT_MS = 5_000;

export class EventStream {
  name = "stream";
  #address;
  #query;
  #heardAt = 0;
  #connection = new AbortController();

  constructor(address, query) {
    this.#address = address;
    this.#query = query;
  }

  async run(receiver, signal) {
    const connection = new AbortController();
    this.#connection = connection;
    const end = () => connection.abort();
    signal.addEventListener("abort", end);
    let timer = setTimeout(end, OPEN_TIMEOUT_MS);
    try {
      const reply = await this.#open(connection.signal);
      const reader = reply.body.getReader();
      const decoder = new TextDecoder();
      const parser = new EventParser();
      /** The data of the server's last event, if it said why it ends the stream. */
      let disconnect = null;
      for (;;) {
        clearTimeout(timer);
        timer = setTimeout(end, SILENT_MS);
        this.#heardAt = performance.now();
        const { value, done } = await reader.read();
        if (done) throw new ConnectionFailed(disconnect?.reason ?? "The stream ended", disconnect?.reconnectInMs);
        for (const event of parser.parse(decoder.decode(value, { stream: true }))) {
          if (event.event === "disconnect") disconnect = event.data;
          else receiver.live();
          receiver.receive(event);
        }
      }
    } catch (error) {
      if (signal.aborted || error instanceof ConnectionFailed) throw error;
      const known = error instanceof RequestFailed || error instanceof TypeError || error.name === "AbortError";
      throw known ? new ConnectionFailed(error.message) : error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      connection.abort();
    }
  }

  /** Open the stream again unless it was heard just now. */
  wake() {
    if (performance.now() - this.#heardAt > WAKE_SILENT_MS) this.#connection.abort();
  }

  async #open(signal) {
    const address = withQuery(await this.#address.stream(), this.#query);
    const headers = { Accept: MEDIA_TYPE };
    const reply = await fetch(address, { headers, cache: "no-store", credentials: "omit", signal });
    if (reply.ok && reply.headers.get("Content-Type")?.startsWith(MEDIA_TYPE)) return reply;
    const waitSeconds = Number(reply.headers.get("Retry-After") ?? 0);
    throw new ConnectionFailed(`HTTP ${reply.status}`, waitSeconds * 1000 || null);
  }
}

/** Splits the text of an event stream into events (HTML, section 9.2.6) whose data is JSON. */
export class EventParser {
  #rest = "";
  #name = "message";
  #data = [];

  /** The events that this part of the text completes. */
  *parse(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (line === "") {
        if (this.#data.length > 0) yield { event: this.#name, data: JSON.parse(this.#data.join("\n")) };
        this.#name = "message";
        this.#data = [];
      } else if (field === "event") {
        this.#name = value;
      } else if (field === "data") {
        this.#data.push(value);
      }
    }
  }
}
