/**
 * The token of a display, given by an operator in the address: `/?display#<token>`.
 *
 * Browsers never send the fragment to a server. The page removes it from the address bar, which
 * everyone in the room can read, and stores it so that a reload of this tab keeps it.
 */

import { SessionEnded } from "../api/api-client.js";
import { tabStorage } from "../common/json-storage.js";

const STORAGE_KEY = "display-token";

/** Credentials for a BoardSocket; the token can't be renewed. */
export class DisplayToken {
  #token;
  #onEnded;

  /** `onEnded` is called when the server rejected the token, `onChanged` when a new one was given. */
  constructor(onEnded, onChanged) {
    this.#onEnded = onEnded;
    this.#token = takeFromAddress() ?? tabStorage.read(STORAGE_KEY, isToken);
    // The browser doesn't load the page again if only the fragment of the address changes.
    addEventListener("hashchange", () => {
      this.#token = takeFromAddress() ?? this.#token;
      onChanged();
    });
  }

  /** Whether there is a token to connect with. */
  get present() {
    return this.#token !== null;
  }

  /** Connect with this token from now on, also after a reload. */
  accept(token) {
    this.#token = token;
    tabStorage.write(STORAGE_KEY, token);
  }

  async freshAccessToken() {
    if (this.#token === null) throw new SessionEnded();
    return this.#token;
  }

  /** Always throws SessionEnded: only an operator can make a new token. */
  async renew() {
    this.#token = null;
    tabStorage.remove(STORAGE_KEY);
    this.#onEnded();
    throw new SessionEnded();
  }

  /** Negative, so that the renewal is due after the expiry: the server closes the connection first. */
  get renewalMarginMs() {
    return -60_000;
  }

  get renewalDueInMs() {
    return Infinity;
  }
}

function isToken(value) {
  return typeof value === "string";
}

function takeFromAddress() {
  const token = location.hash.slice(1);
  if (token === "") return null;
  tabStorage.write(STORAGE_KEY, token);
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}
