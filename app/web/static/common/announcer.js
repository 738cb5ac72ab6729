/**
 * Sends short messages to screen readers through a live region.
 *
 * Messages are at least PAUSE_MS apart. Of several waiting messages about one topic, only the
 * latest is sent.
 */

const PAUSE_MS = 4_000;

export class Announcer {
  #element;
  #waiting = new Map();
  #timer;

  constructor(element) {
    this.#element = element;
  }

  /** Queue a message. It replaces a waiting message with the same topic. */
  announce(topic, text) {
    if (text === "") return;
    // Deleted first: a Map keeps the position of an existing key.
    this.#waiting.delete(topic);
    this.#waiting.set(topic, text);
    if (this.#timer === undefined) this.#announceNext();
  }

  #announceNext() {
    const [first] = this.#waiting;
    this.#timer = undefined;
    if (first === undefined) return;
    const [topic, text] = first;
    this.#waiting.delete(topic);
    this.#element.textContent = text;
    this.#timer = setTimeout(() => this.#announceNext(), PAUSE_MS);
  }
}
