/** The top ten on the page. Each player's row element is kept between boards, so that it can move. */

import { changesBetween, gapAbove, lead, shareOf } from "./board-changes.js";
import { BoardRow, formatGap } from "./board-row.js";
import { animateMoves, fadeOut } from "./row-animation.js";

export class BoardView {
  #body;
  #empty;
  #colours;
  #maxRows;
  #rows = new Map();
  #version = -1;
  #standings = [];
  #ownId = null;

  /**
   * `body` receives the rows; `empty` is shown while there are none; `colours` are PlayerColours.
   * Of a longer board, the first `maxRows` are shown.
   */
  constructor(body, empty, colours, maxRows = Infinity) {
    this.#body = body;
    this.#empty = empty;
    this.#colours = colours;
    this.#maxRows = maxRows;
  }

  /** The standings of the board, in order. */
  get standings() {
    return this.#standings;
  }

  /** Set the player whose row is marked; null for none. */
  set ownId(userId) {
    this.#ownId = userId;
    this.#render();
  }

  /** Take over the rows that the server rendered for this board, so that show() finds them. */
  adopt({ leaderboard }) {
    leaderboard.slice(0, this.#maxRows).forEach(({ userId }, index) => {
      this.#rows.set(userId, new BoardRow(this.#body.children[index]));
    });
  }

  /**
   * Show a board and return what changed, or null if the board is older than the one shown.
   *
   * A board of the same version is shown: while Redis is down, scores change but the version does
   * not.
   */
  show({ version, leaderboard }) {
    if (version < this.#version) return null;
    const first = this.#version < 0;
    const changes = changesBetween(first ? leaderboard : this.#standings, leaderboard);
    this.#version = version;
    this.#standings = leaderboard;
    this.#colours.assign(leaderboard.map(({ userId }) => userId));
    this.#render();
    for (const { standing, points } of changes.scored) this.#rows.get(standing.userId)?.markScored(points);
    for (const [userId, ranks] of changes.moved) this.#rows.get(userId)?.markMoved(ranks);
    this.#empty.dataset.state = "waiting";
    this.#empty.hidden = leaderboard.length > 0;
    return changes;
  }

  get #shown() {
    return this.#standings.slice(0, this.#maxRows);
  }

  #render() {
    const elements = [...this.#rows.values()].map(({ element }) => element);
    animateMoves(elements, () => {
      this.#removeOldRows();
      return this.#shown.map((standing, index) => this.#renderRow(standing, index));
    });
  }

  #removeOldRows() {
    const present = new Set(this.#shown.map(({ userId }) => userId));
    for (const [userId, { element }] of this.#rows) {
      if (present.has(userId)) continue;
      this.#rows.delete(userId);
      element.style.top = `${element.offsetTop}px`;
      element.classList.add("leaving");
      element.setAttribute("aria-hidden", "true");
      // At the end, so that the index of each other row in the table is its index on the board.
      this.#body.append(element);
      fadeOut(element);
    }
  }

  #renderRow(standing, index) {
    const row = this.#rows.get(standing.userId) ?? new BoardRow();
    this.#rows.set(standing.userId, row);
    row.show(standing, {
      gap: formatGap(gapAbove(this.#standings, index), lead(this.#standings)),
      share: shareOf(standing.score, this.#standings[0].score),
      colour: this.#colours.indexOf(standing.userId),
      own: standing.userId === this.#ownId,
    });
    // Moving an element in the document restarts its animations, so rows in the right position stay.
    const current = this.#body.children[index] ?? null;
    if (current !== row.element) this.#body.insertBefore(row.element, current);
    return row.element;
  }
}
