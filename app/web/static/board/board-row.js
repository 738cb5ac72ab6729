/** One player's row of the board. */

import { formatChange, formatNumber } from "../common/format.js";
import { text } from "../common/texts.js";
import { WATCHED } from "../common/watched-board.js";

const MEDALS = { 1: "first", 2: "second", 3: "third" };
const MOVE_SHOWN_MS = 8_000;

const pattern = document.getElementById("board-row").content.firstElementChild;

export class BoardRow {
  element;
  #rank;
  #move;
  #name;
  #username;
  #gap;
  #plus;
  #total;
  #moveTimer;

  /** `element` is a row that the server rendered; by default, a new one. */
  constructor(element = document.importNode(pattern, true)) {
    this.element = element;
    const part = (name) => element.querySelector(`.${name}`);
    this.#rank = part("rank");
    this.#move = part("move");
    this.#name = part("name");
    this.#username = part("username");
    this.#gap = part("gap");
    this.#plus = part("plus");
    this.#total = part("total");
    this.#plus.addEventListener("animationend", () => element.classList.remove("scored"));
  }

  /**
   * Show a standing. `gap` is the text of the third column, `share` the score divided by the
   * leader's, `colour` the index of the player's colour, `own` whether it is the viewer's row.
   */
  show({ rank, displayName, username, score }, { gap, share, colour, own }) {
    this.#rank.textContent = formatNumber(rank);
    this.#name.textContent = displayName;
    this.#name.title = displayName;
    this.#username.textContent = `@${username}`;
    this.#username.hidden = username === displayName;
    this.#gap.textContent = gap;
    this.#total.textContent = formatNumber(score);
    this.element.dataset.medal = MEDALS[rank] ?? "";
    this.element.classList.toggle("own", own);
    this.element.dataset.share = String(Math.round(100 * share)).padStart(3, "0");
    this.element.dataset.colour = colour;
  }

  /** Animate the row because its player scored; `points` is null if it isn't known how many. */
  markScored(points) {
    this.#plus.textContent = points === null ? "" : formatChange(points);
    this.element.classList.remove("scored");
    void this.element.offsetWidth; // A reflow without the class, or the animation does not restart.
    this.element.classList.add("scored");
  }

  /** Show for MOVE_SHOWN_MS by how many ranks the player rose (fell if negative). */
  markMoved(ranks) {
    clearTimeout(this.#moveTimer);
    this.#move.textContent = `${ranks > 0 ? "▲" : "▼"}${Math.abs(ranks)}`;
    this.#move.dataset.direction = ranks > 0 ? "up" : "down";
    this.#moveTimer = setTimeout(() => {
      this.#move.textContent = "";
    }, MOVE_SHOWN_MS);
  }
}

/** The text for a row's distance to the next higher rank; the arguments are gapAbove's and lead's. */
export function formatGap(gap, lead) {
  if (gap !== null) return text("board.behind", { points: gap.points, ordinal: gap.rank });
  if (lead === null) return text("board.leads");
  if (lead === 0) return text("board.sharesLead");
  // The lower score is a time or the like, not points.
  return WATCHED.better === "low" ? text("board.leadsLow", { difference: lead }) : text("board.leadsBy", { count: lead });
}
