/** Loads the standings when the address names them, because most viewers only look at the top ten. */

import { text } from "../common/texts.js";
import { viewOf } from "./standings-address.js";

export class StandingsLoader {
  #readAroundMe;
  #standings = null;
  #isLoading = false;
  #ownId = null;
  #isRanked = false;

  /** `readAroundMe(span)` reads the rows around the logged-in player. */
  constructor(readAroundMe) {
    this.#readAroundMe = readAroundMe;
    addEventListener("hashchange", () => this.loadIfNamed(true));
  }

  /** `isOpened` says that the reader opened the standings, by a link in the page. */
  async loadIfNamed(isOpened = false) {
    if (this.#standings !== null || this.#isLoading) return;
    const isNamed = viewOf(location.hash) !== null;
    document.getElementById("standings").hidden = !isNamed;
    if (!isNamed) return;
    this.#isLoading = true;
    const loaded = await load();
    this.#isLoading = false;
    if (loaded === null) return;
    this.#standings = new loaded.Standings(this.#readAroundMe);
    this.#standings.ownId = this.#ownId;
    this.#standings.isRanked = this.#isRanked;
    this.#standings.show(isOpened);
  }

  /** Set the player whose row is marked; null for none. */
  set ownId(userId) {
    this.#ownId = userId;
    if (this.#standings !== null) this.#standings.ownId = userId;
  }

  /** Set whether this player has a rank to go to. */
  set isRanked(isRanked) {
    this.#isRanked = isRanked;
    if (this.#standings !== null) this.#standings.isRanked = isRanked;
  }

  /** Tell that the page has a board of this version. */
  noteBoard(version) {
    this.#standings?.noteBoard(version);
  }
}

/** The module; null if it can't be loaded. The next link to the standings tries again. */
async function load() {
  try {
    return await import("./standings.js");
  } catch {
    document.getElementById("standings-status").textContent = text("errors.NO_REPLY");
    return null;
  }
}
