/**
 * The token of a screen that only watches, as an operator makes it: `/?display#<token>`.
 *
 * A fragment is never sent to a server. It is taken out of the address, which everybody in the
 * room can read, and kept for reloads of this tab.
 */

import { SessionEnded } from "./api.js";

const STORED = "display-token";

export class DisplayToken {
  #token;
  #ended;

  /** `ended` is called when the token is good for nothing any more, `changed` with a new one. */
  constructor(ended, changed) {
    this.#ended = ended;
    this.#token = taken() ?? sessionStorage.getItem(STORED);
    // An address that differs only in its fragment loads nothing.
    addEventListener("hashchange", () => {
      this.#token = taken() ?? this.#token;
      changed();
    });
  }

  /** Whether there is a token to try. */
  get present() {
    return this.#token !== null;
  }

  async freshAccessToken() {
    if (this.#token === null) throw new SessionEnded();
    return this.#token;
  }

  /** There is nothing to exchange it for. */
  async renew() {
    this.#token = null;
    sessionStorage.removeItem(STORED);
    this.#ended();
    throw new SessionEnded();
  }

  /** After its end, that is: never; the server says when it is over. */
  get margin() {
    return -60_000;
  }

  get renewalInMs() {
    return Infinity;
  }
}

function taken() {
  const token = location.hash.slice(1);
  if (token === "") return null;
  sessionStorage.setItem(STORED, token);
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}
