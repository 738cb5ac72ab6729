/** One player's row of the board. */

import { formatted, ordinal, points } from "./words.js";

const MEDALS = { 1: "first", 2: "second", 3: "third" };
const MARKED_MS = 8_000;

export class Row {
  element = document.createElement("tr");
  #rank = make("span", "rank");
  #move = make("span", "move");
  #name = make("bdi", "name");
  #username = make("small", "username");
  #gap = make("span", "gap-text");
  #plus = make("span", "plus");
  #total = make("span", "total");
  #unmark;

  constructor() {
    this.#move.ariaHidden = "true";
    this.#plus.ariaHidden = "true";
    const who = cell("th", "who", this.#name, this.#username);
    who.scope = "row";
    this.element.setAttribute("role", "row");
    this.element.append(
      cell("td", "place", this.#rank, this.#move),
      who,
      cell("td", "gap", this.#gap),
      cell("td", "points", this.#plus, this.#total),
    );
    this.#plus.addEventListener("animationend", () => this.element.classList.remove("scored"));
  }

  /** `gap` is what the third column says, `share` of the leader's score, `colour` the chart's. */
  show({ rank, displayName, username, score }, { gap, share, colour, own }) {
    this.#rank.textContent = formatted(rank);
    this.#name.textContent = displayName;
    this.#name.title = displayName;
    this.#username.textContent = `@${username}`;
    this.#username.hidden = username === displayName;
    this.#gap.textContent = gap;
    this.#total.textContent = formatted(score);
    this.element.dataset.place = MEDALS[rank] ?? "";
    this.element.classList.toggle("own", own);
    this.element.style.setProperty("--share", share.toFixed(4));
    this.element.style.setProperty("--series", `var(--series-${colour})`);
  }

  /** Let the row say for a moment that its player scored; null: it isn't known how much. */
  flash(gained) {
    this.#plus.textContent = gained === null ? "" : `+${formatted(gained)}`;
    this.element.classList.remove("scored");
    void this.element.offsetWidth; // The browser has to see it gone for the animation to start anew.
    this.element.classList.add("scored");
  }

  /** Say for a while by how many places the player rose, or fell when negative. */
  markMove(places) {
    clearTimeout(this.#unmark);
    this.#move.textContent = `${places > 0 ? "▲" : "▼"}${Math.abs(places)}`;
    this.#move.dataset.way = places > 0 ? "up" : "down";
    this.#unmark = setTimeout(() => {
      this.#move.textContent = "";
    }, MARKED_MS);
  }
}

/** What a row says of its distance to the next place. */
export function gapInWords(gap, lead) {
  if (gap !== null) return `${formatted(gap.points)} behind ${ordinal(gap.rank)}`;
  if (lead === null || lead === 0) return lead === 0 ? "shares the lead" : "leads";
  return `leads by ${points(lead)}`;
}

function make(name, className) {
  const element = document.createElement(name);
  element.className = className;
  return element;
}

// The roles are those of the elements; a browser takes them away from a table laid out as a grid.
function cell(name, className, ...content) {
  const element = make(name, className);
  element.setAttribute("role", name === "th" ? "rowheader" : "cell");
  element.append(...content);
  return element;
}
