/**
 * The full standings, in pages, with a search.
 *
 * The rows stay as they are while a user reads them. A new page, a search or "refresh" reads them again.
 */

import { explain } from "../api/error-texts.js";
import { readStandings, searchPlayers } from "../api/public-reads.js";
import { RequestFailed, SessionEnded } from "../client/errors.js";
import { text } from "../common/texts.js";
import { SearchField } from "./search-field.js";
import { FIRST_PAGE, fragmentOf, viewOf } from "./standings-address.js";
import { showRows } from "./standings-table.js";

const PAGE_ROWS = 25;

export class Standings {
  #elements = Object.fromEntries(
    ["", "-title", "-rows", "-status", "-changed", "-refresh", "-search", "-first", "-previous", "-next", "-me"].map(
      (part) => [part.slice(1), document.getElementById(`standings${part}`)],
    ),
  );
  #readAroundMe;
  #search;
  #view = null;
  #rows = [];
  #version = null;
  #newestVersion = 0;
  #ownId = null;
  #isRanked = false;
  #requests = 0;

  /** `readAroundMe(span)` reads the rows around the logged-in player. */
  constructor(readAroundMe) {
    this.#readAroundMe = readAroundMe;
    this.#search = new SearchField(this.#elements.search, (username) => this.#searchFor(username));
    this.#elements.refresh.addEventListener("click", () => this.#load());
    addEventListener("hashchange", () => this.show(this.#view === null));
  }

  /** Show what the address names; `isOpened` says that the reader opened the standings. */
  async show(isOpened) {
    this.#view = viewOf(location.hash);
    const isNamed = this.#view !== null;
    this.#elements[""].hidden = !isNamed;
    document.documentElement.toggleAttribute("data-standings", isNamed); // For the style of the print.
    if (!isNamed) return;
    await this.#load();
    // A link that the new page does not have loses the focus.
    if (isOpened || document.activeElement === document.body) this.#elements.title.focus({ preventScroll: true });
    this.#elements[""].scrollIntoView();
  }

  /** Set the player whose row is marked; null for none. */
  set ownId(userId) {
    this.#ownId = userId;
    this.#showOwnLink();
    showRows(this.#elements.rows, this.#rows, userId);
  }

  /** Set whether this player has a rank to go to. */
  set isRanked(isRanked) {
    this.#isRanked = isRanked;
    this.#showOwnLink();
  }

  /** Tell that the page has a board of this version. */
  noteBoard(version) {
    this.#newestVersion = version;
    this.#elements.changed.hidden = this.#version === null || version <= this.#version;
  }

  #showOwnLink() {
    this.#elements.me.hidden = this.#ownId === null || !this.#isRanked;
  }

  #searchFor(username) {
    this.#view = username === "" ? FIRST_PAGE : { kind: "username", value: username };
    // Replaced, because the back button would undo a search letter by letter.
    history.replaceState(null, "", fragmentOf(this.#view));
    this.#load();
  }

  async #load() {
    this.#requests += 1;
    const number = this.#requests;
    const view = this.#view;
    this.#search.show(view.kind === "username" ? view.value : "");
    this.#elements[""].setAttribute("aria-busy", "true");
    try {
      const reply = await this.#read(view);
      if (number !== this.#requests) return;
      if (isBeyondTheBoard(view, reply)) {
        this.#view = FIRST_PAGE;
        history.replaceState(null, "", fragmentOf(FIRST_PAGE));
        await this.#load();
        return;
      }
      this.#show(view, reply);
    } catch (error) {
      if (!(error instanceof RequestFailed || error instanceof SessionEnded)) throw error;
      if (number === this.#requests) this.#elements.status.textContent = explain(error);
    } finally {
      if (number === this.#requests) this.#elements[""].removeAttribute("aria-busy");
    }
  }

  #read({ kind, value }) {
    if (kind === "username") return searchPlayers(value, PAGE_ROWS);
    if (kind === "me") return this.#readAroundMe((PAGE_ROWS - 1) / 2);
    // Another process may still have a board from before the one that the page shows.
    const query = { limit: PAGE_ROWS, minVersion: this.#newestVersion };
    return readStandings({ ...query, ...(kind === "first" ? {} : { [kind]: value }) });
  }

  #show(view, { version, leaderboard, previous, next, more }) {
    this.#rows = leaderboard;
    this.#version = version;
    this.#elements.changed.hidden = true;
    showRows(this.#elements.rows, leaderboard, this.#ownId);
    this.#elements.status.textContent = statusOf(view, leaderboard, more);
    this.#setLink("first", view.kind !== "first" && FIRST_PAGE);
    this.#setLink("previous", previous && { kind: "before", value: previous });
    this.#setLink("next", next && { kind: "after", value: next });
  }

  #setLink(name, view) {
    this.#elements[name].hidden = !view;
    if (view) this.#elements[name].setAttribute("href", fragmentOf(view));
  }
}

/** Whether a page has too few rows because players above it or on it left the board. */
function isBeyondTheBoard({ kind }, { leaderboard, previous }) {
  return (kind === "before" && previous === null) || (kind === "after" && leaderboard.length === 0);
}

function statusOf({ kind, value }, rows, more) {
  if (kind === "username") {
    if (more) return text("standings.foundMore", { count: rows.length });
    return rows.length === 0 ? text("standings.foundNone", { name: value }) : text("standings.found", { count: rows.length });
  }
  if (rows.length === 0) return text(kind === "me" ? "standings.noRank" : "board.noPoints");
  return text("standings.ranks", { first: rows[0].rank, last: rows[rows.length - 1].rank });
}
