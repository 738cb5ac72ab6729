/** Brings the board that the page shows to all parts of the page. */

import { openScoreboard } from "../api/site.js";
import { FIRST_BOARD } from "../common/first-board.js";
import { IS_PAST, WATCHED } from "../common/watched-board.js";

import { readPast } from "./past-board.js";

const CONNECTING = { kind: "connecting", transport: "", cause: "", retryMs: 0, error: null };

export class BoardFeed {
  #listeners = [];
  #watch = null;
  #version = FIRST_BOARD?.version ?? -1;
  #stopPast = () => {};

  /**
   * Add a listener: an object with any of the handlers `onBoard`, `onRank`, `onContest` and `onState`
   * of Scoreboard.watch. Listeners are called in their order. One with `onRank` has to be added before watch().
   *
   * `onBoard` gets no board that is older than an earlier one, even if another watch received it. `onState` may also get
   * {kind: "past"}: the period is over, and the page has its board.
   */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** Watch with the login or the token of this scoreboard from now on; without an argument as a viewer. */
  watch(scoreboard = null) {
    this.#watch?.close();
    this.#stopPast();
    if (IS_PAST) {
      this.#stopPast = readPast({
        onBoard: (board) => this.#receive(board),
        onState: (state) => this.#notify("onState", state),
      });
      return;
    }
    this.#notify("onState", CONNECTING);
    this.#watch = (scoreboard ?? openScoreboard()).watch(WATCHED.board, {
      period: WATCHED.period,
      onBoard: (board) => this.#receive(board),
      onRank: this.#listeners.some(({ onRank }) => onRank) ? (rank) => this.#notify("onRank", rank) : undefined,
      onContest: (contest) => this.#notify("onContest", contest),
      onState: (state) => this.#showState(state, scoreboard !== null),
      onEvent: logRefusal,
    });
  }

  #receive(board) {
    if (board.version < this.#version) return;
    this.#version = board.version;
    this.#notify("onBoard", board);
  }

  #showState(state, hasAccess) {
    this.#notify("onState", state);
    // The login or the token has ended, or the server does not want it again. Viewers need none.
    if (state.kind === "ended" && hasAccess) this.watch();
  }

  #notify(name, argument) {
    for (const listener of this.#listeners) listener[name]?.(argument);
  }
}

function logRefusal({ event, data }) {
  if (event === "error") console.warn(`The broadcaster refused a message: ${data.code} ${data.message}`);
}
