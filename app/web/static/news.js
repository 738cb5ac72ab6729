/** Who just scored: the latest first, each player once. */

import { serverNow } from "./clock.js";
import { ago, formatted } from "./words.js";

const MOST = 5;
const TOGETHER_MS = 10_000;

export class News {
  #list;
  #empty;
  #items = [];

  /** `list` takes the items, `empty` is shown while there are none. */
  constructor(list, empty) {
    this.#list = list;
    this.#empty = empty;
    setInterval(() => this.#render(), 1_000);
  }

  /** Tell of those who scored by a board of that moment: [{standing, points}]. */
  add(scored, at) {
    for (const { standing, points } of scored) {
      const { userId } = standing;
      const earlier = this.#items.find((item) => item.userId === userId);
      const together = earlier && at - earlier.at < TOGETHER_MS && points !== null;
      const gained = together && earlier.gained !== null ? earlier.gained + points : points;
      this.#items = this.#items.filter((item) => item !== earlier);
      this.#items.unshift({ ...standing, gained, at });
    }
    this.#items.length = Math.min(this.#items.length, MOST);
    this.#render();
  }

  #render() {
    this.#empty.hidden = this.#items.length > 0;
    while (this.#list.children.length > this.#items.length) this.#list.lastElementChild.remove();
    this.#items.forEach(({ displayName, gained, score, at }, index) => {
      const item = this.#list.children[index] ?? this.#list.appendChild(newItem());
      const [name, plus, total, when] = item.children;
      name.textContent = displayName;
      plus.textContent = gained === null ? "new" : `+${formatted(gained)}`;
      total.textContent = `now ${formatted(score)}`;
      when.textContent = ago(at, serverNow());
      when.dateTime = new Date(at).toISOString();
    });
  }
}

function newItem() {
  const item = document.createElement("li");
  for (const [name, className] of [["bdi", "name"], ["span", "gained"], ["span", "total"], ["time", "when"]]) {
    const part = item.appendChild(document.createElement(name));
    part.className = className;
  }
  return item;
}
