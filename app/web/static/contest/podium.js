/** The first three ranks at the end of a contest. Players with equal scores share a step. */

import { createData, createElement } from "../common/elements.js";
import { formatNumber } from "../common/format.js";
import { text } from "../common/texts.js";

const RANKS = [1, 2, 3];
const MAX_NAMES = 3;

export class Podium {
  #section;
  #list;
  #shown = "";

  constructor(section) {
    this.#section = section;
    this.#list = section.querySelector("ol");
  }

  get isHidden() {
    return this.#section.hidden;
  }

  hide() {
    this.#section.hidden = true;
    this.#section.removeAttribute("data-new");
  }

  /** Show the first ranks of these standings; nothing if there are none. `isNew`: let the steps rise. */
  show(standings, isNew) {
    if (isNew) this.#section.setAttribute("data-new", "");
    const steps = RANKS.map((rank) => ({ rank, players: standings.filter((standing) => standing.rank === rank) }));
    const filled = steps.filter(({ players }) => players.length > 0);
    const shown = JSON.stringify(filled);
    // Made again only after a change, or the animation would restart with each board.
    if (shown !== this.#shown) this.#list.replaceChildren(...filled.map(createStep));
    this.#shown = shown;
    this.#section.hidden = filled.length === 0;
  }
}

function createStep({ rank, players }) {
  const step = createElement("li");
  step.dataset.rank = rank;
  step.value = rank;
  const names = createElement("div", "podium-names");
  names.append(...players.slice(0, MAX_NAMES).map(createName));
  if (players.length > MAX_NAMES) names.append(createMore(players.length - MAX_NAMES));
  const total = createData("span", "total");
  total.textContent = formatNumber(players[0].score);
  const block = createElement("div", "podium-block");
  const number = createData("span", "rank");
  number.textContent = formatNumber(rank);
  block.append(number);
  step.append(names, total, block);
  return step;
}

function createName({ displayName }) {
  const name = createData("bdi", "name");
  name.textContent = displayName;
  name.title = displayName;
  return name;
}

function createMore(count) {
  const more = createElement("span", "podium-more");
  more.textContent = text("podium.more", { count });
  return more;
}
