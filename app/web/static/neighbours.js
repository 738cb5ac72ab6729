/** Who stands around the player: two above, two below, and how far off they are. */

import { formatted, points } from "./words.js";

export class Neighbours {
  #box;
  #list;

  /** `box` is shown while there is somebody in `list`. */
  constructor(box, list) {
    this.#box = box;
    this.#list = list;
  }

  /** Show these standings, in order, seen from this player; none of them: nothing. */
  show(standings, userId) {
    const own = standings.find((standing) => standing.userId === userId);
    this.#box.hidden = own === undefined || standings.length < 2;
    if (this.#box.hidden) return;
    this.#list.replaceChildren(
      ...standings.map((standing) => {
        const away = standing.userId === userId ? "you" : distance(standing.score - own.score);
        return newItem(standing, away, standing.userId === userId);
      }),
    );
  }
}

function distance(difference) {
  if (difference === 0) return "level";
  return `${points(Math.abs(difference))} ${difference > 0 ? "ahead" : "behind"}`;
}

function newItem({ rank, displayName }, away, own) {
  const item = document.createElement("li");
  item.classList.toggle("own", own);
  for (const [name, className, text] of [
    ["span", "rank", formatted(rank)],
    ["bdi", "name", displayName],
    ["span", "away", away],
  ]) {
    const part = item.appendChild(document.createElement(name));
    part.className = className;
    part.textContent = text;
  }
  return item;
}
