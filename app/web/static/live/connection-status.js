/** The header's two texts: how the page receives the board, and when the board last changed. */

import { formatAge } from "../common/format.js";
import { serverNow } from "../common/server-clock.js";
import { LANGUAGE, text } from "../common/texts.js";

export class ConnectionStatus {
  #stateElement = document.getElementById("connection");
  #changedElement = document.getElementById("changed");
  #changedAt = null;

  constructor() {
    setInterval(() => this.#showAge(), 1_000);
  }

  get isLive() {
    return this.#stateElement.dataset.state === "live";
  }

  /** `state` is "live", "polling", "waiting" or "off"; `description` is for the user. */
  show(state, description, transport = "") {
    Object.assign(this.#stateElement.dataset, { state, transport });
    if (this.#stateElement.textContent !== description) this.#stateElement.textContent = description;
  }

  /** Set the time of the last change of the board, in ms since 1970. */
  setChangedAt(time) {
    this.#changedAt = time;
    this.#changedElement.dateTime = new Date(time).toISOString();
    this.#changedElement.title = new Date(time).toLocaleString(LANGUAGE);
    this.#showAge();
  }

  #showAge() {
    if (this.#changedAt === null) return;
    this.#changedElement.textContent = text("age.changed", { age: formatAge(this.#changedAt, serverNow()) });
  }
}
