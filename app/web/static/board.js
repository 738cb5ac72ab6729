/** The top ten on the page: one table row a player, kept between boards so that changes show. */

const LEADS = { 1: "first", 2: "second", 3: "third" };

export class BoardView {
  #body;
  #empty;
  #rows = new Map();
  #version = -1;
  #standings = [];
  #ownId = null;

  /** `body` takes the rows, `empty` is shown instead while there are none. */
  constructor(body, empty) {
    this.#body = body;
    this.#empty = empty;
  }

  /** Who leads, or undefined. */
  get leader() {
    return this.#standings[0];
  }

  /** Mark this player's row from now on. */
  set ownId(userId) {
    this.#ownId = userId;
    this.#render();
  }

  /**
   * Show a board, unless it is older than the one that is shown; tells whether it was.
   *
   * Of one version there can be two: without Redis nobody raises it, and points count all the same.
   */
  show({ version, leaderboard }) {
    if (version < this.#version) return false;
    this.#version = version;
    this.#standings = leaderboard;
    this.#render();
    this.#empty.textContent = "No points yet. Score the first!";
    this.#empty.hidden = leaderboard.length > 0;
    return true;
  }

  /** This player's line of the board that is shown, or undefined. */
  find(userId) {
    return this.#standings.find((standing) => standing.userId === userId);
  }

  #render() {
    const seen = new Set(this.#standings.map((standing) => standing.userId));
    for (const [userId, row] of this.#rows) {
      if (seen.has(userId)) continue;
      row.remove();
      this.#rows.delete(userId);
    }
    this.#standings.forEach((standing, index) => {
      const row = this.#rowOf(standing);
      // Moving a row restarts its animation, so only those move that must.
      const present = this.#body.children[index] ?? null;
      if (present !== row) this.#body.insertBefore(row, present);
    });
  }

  #rowOf(standing) {
    const known = this.#rows.get(standing.userId);
    const row = known ?? newRow();
    this.#rows.set(standing.userId, row);
    const [rank, player, score] = row.cells;
    const [name, username] = player.firstElementChild.children;
    const previous = score.textContent;
    rank.firstElementChild.textContent = standing.rank;
    name.textContent = standing.displayName;
    name.title = standing.displayName;
    username.textContent = `@${standing.username}`;
    score.textContent = formatted(standing.score);
    row.dataset.place = LEADS[standing.rank] ?? "";
    row.classList.toggle("own", standing.userId === this.#ownId);
    if (known && previous !== score.textContent) flash(row);
    return row;
  }
}

/** A whole number as the page writes it. */
export function formatted(number) {
  return number.toLocaleString("en");
}

function newRow() {
  const row = document.createElement("tr");
  const rank = document.createElement("td");
  rank.append(document.createElement("span"));
  const player = document.createElement("th");
  player.scope = "row";
  const names = document.createElement("div");
  const name = document.createElement("bdi");
  const username = document.createElement("small");
  names.append(name, username);
  player.append(names);
  row.append(rank, player, document.createElement("td"));
  row.addEventListener("animationend", () => row.classList.remove("changed"));
  return row;
}

function flash(row) {
  row.classList.remove("changed");
  void row.offsetWidth; // The browser has to see it gone for the animation to start anew.
  row.classList.add("changed");
}
