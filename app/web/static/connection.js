/** How the board reaches the page, and when it changed last. */

import { serverNow } from "./clock.js";
import { ago } from "./words.js";

export class Connection {
  #state = document.getElementById("connection");
  #changed = document.getElementById("changed");
  #updatedAt = null;

  constructor() {
    setInterval(() => this.#tell(), 1_000);
  }

  get isLive() {
    return this.#state.dataset.state === "live";
  }

  /** `kind` is "live", "polling", "waiting" or "off". */
  show(kind, text) {
    this.#state.dataset.state = kind;
    this.#state.textContent = text;
  }

  /** The board that is shown is of this moment, in ms. */
  changedAt(moment) {
    this.#updatedAt = moment;
    this.#changed.dateTime = new Date(moment).toISOString();
    this.#changed.title = new Date(moment).toLocaleString();
    this.#tell();
  }

  #tell() {
    if (this.#updatedAt !== null) this.#changed.textContent = `changed ${ago(this.#updatedAt, serverNow())}`;
  }
}
