/**
 * The token of a display, given by an operator in the address: `/?display#<token>`.
 *
 * Browsers never send the fragment to a server. The page removes it from the address bar, which
 * everyone in the room can read, and stores it so that a reload of this tab keeps it.
 */

import { tabStorage } from "../common/json-storage.js";

const STORAGE_KEY = "display-token";

export class DisplayToken {
  #value = takeFromAddress() ?? tabStorage.read(STORAGE_KEY, isToken);
  #isConfirmed = false;

  /** `onChanged` is called when the address has another token. */
  constructor(onChanged) {
    // The browser doesn't load the page again if only the fragment of the address changes.
    addEventListener("hashchange", () => {
      this.#replace(takeFromAddress() ?? this.#value);
      onChanged();
    });
  }

  /** The token, or null. */
  get value() {
    return this.#value;
  }

  /** Whether the server has accepted this token since the page was loaded. */
  get isConfirmed() {
    return this.#isConfirmed;
  }

  /** The server has accepted the token. */
  confirm() {
    this.#isConfirmed = true;
  }

  /** Use this token from now on, also after a reload. */
  accept(token) {
    this.#replace(token);
    tabStorage.write(STORAGE_KEY, token);
  }

  /** The server no longer accepts the token. */
  forget() {
    this.#replace(null);
    tabStorage.remove(STORAGE_KEY);
  }

  #replace(token) {
    this.#value = token;
    this.#isConfirmed = false;
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
