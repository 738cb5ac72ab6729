/** What a screen reader is told, politely: one thing at a time, and of a hurry only the latest. */

const PAUSE_MS = 4_000;

export class Announcer {
  #element;
  #waiting = new Map();
  #timer;

  constructor(element) {
    this.#element = element;
  }

  /** Say it soon; what waits under the same topic is out of date then. */
  say(topic, text) {
    if (text === "") return;
    this.#waiting.delete(topic);
    this.#waiting.set(topic, text);
    if (this.#timer === undefined) this.#next();
  }

  #next() {
    const [first] = this.#waiting;
    this.#timer = undefined;
    if (first === undefined) return;
    const [topic, text] = first;
    this.#waiting.delete(topic);
    this.#element.textContent = text;
    this.#timer = setTimeout(() => this.#next(), PAUSE_MS);
  }
}
