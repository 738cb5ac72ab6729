/** The top ten on the page: one row a player, kept between boards so that changes show. */

import { changesBetween, gapAbove, lead } from "./changes.js";
import { glide, leave } from "./flip.js";
import { Row, gapInWords } from "./row.js";

export class BoardView {
  #body;
  #empty;
  #colours;
  #rows = new Map();
  #version = -1;
  #standings = [];
  #ownId = null;

  /** `body` takes the rows, `empty` is shown instead while there are none; `colours` are a player's. */
  constructor(body, empty, colours) {
    this.#body = body;
    this.#empty = empty;
    this.#colours = colours;
  }

  /** The board that is shown: its standings in order. */
  get standings() {
    return this.#standings;
  }

  /** Mark this player's row from now on. */
  set ownId(userId) {
    this.#ownId = userId;
    this.#render();
  }

  /**
   * Show a board, unless it is older than the one that is shown; returns what changed, else null.
   *
   * Of one version there can be two: without Redis nobody raises it, and points count all the same.
   */
  show({ version, leaderboard }) {
    if (version < this.#version) return null;
    const first = this.#version < 0;
    const changes = changesBetween(first ? leaderboard : this.#standings, leaderboard);
    this.#version = version;
    this.#standings = leaderboard;
    this.#colours.assign(leaderboard.map(({ userId }) => userId));
    this.#render();
    for (const { standing, points } of changes.scored) this.#rows.get(standing.userId).flash(points);
    for (const [userId, places] of changes.climbed) this.#rows.get(userId).markMove(places);
    this.#empty.dataset.state = "waiting";
    this.#empty.hidden = leaderboard.length > 0;
    return changes;
  }

  #render() {
    const shown = [...this.#rows.values()].map(({ element }) => element);
    glide(shown, () => {
      this.#removeThoseWhoLeft();
      return this.#standings.map((standing, index) => this.#place(standing, index));
    });
  }

  #removeThoseWhoLeft() {
    const present = new Set(this.#standings.map(({ userId }) => userId));
    for (const [userId, { element }] of this.#rows) {
      if (present.has(userId)) continue;
      this.#rows.delete(userId);
      element.style.top = `${element.offsetTop}px`;
      element.classList.add("leaving");
      element.ariaHidden = "true";
      // Behind all others, so that places and positions among the rows stay the same.
      this.#body.append(element);
      leave(element);
    }
  }

  #place(standing, index) {
    const row = this.#rows.get(standing.userId) ?? new Row();
    this.#rows.set(standing.userId, row);
    row.show(standing, {
      gap: gapInWords(gapAbove(this.#standings, index), lead(this.#standings)),
      share: standing.score / this.#standings[0].score,
      colour: this.#colours.of(standing.userId),
      own: standing.userId === this.#ownId,
    });
    // Moving an element restarts its animations, so only those move that must.
    const present = this.#body.children[index] ?? null;
    if (present !== row.element) this.#body.insertBefore(row.element, present);
    return row.element;
  }
}
