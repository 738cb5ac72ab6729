/**
 * The player's login in this tab.
 *
 * The tokens are in memory, and while the tab is hidden also in sessionStorage. A browser copies
 * sessionStorage into a duplicated tab, so several tabs may have one session (SessionTabs). The
 * newest tokens of a session are those whose access token expires last.
 */

import { Session } from "../client/session.js";
import { tabStorage } from "../common/json-storage.js";

import { banNotice } from "./ban-notice.js";
import { SessionTabs } from "./session-tabs.js";

const STORAGE_KEY = "session";

export class TabSession extends Session {
  /** Fires "begin", and "end" with the notice in `detail`, {key, values} of a text. */
  events = new EventTarget();
  #tabs = new SessionTabs({
    current: () => this.login,
    onLogin: (login) => this.#adoptIfNewer(login),
    onEnd: (notice) => this.#end(notice),
  });

  constructor() {
    super();
    this.#restore();
    // Also fires when the user leaves the page, reloads it or returns to it.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#store();
      else this.#restore();
    });
  }

  adopt(login) {
    super.adopt(login);
    if (document.hidden) this.#store();
  }

  begin(reply) {
    super.begin(reply);
    this.events.dispatchEvent(new Event("begin"));
  }

  /** Does nothing if another tab of the session has renewed the tokens in the meantime. */
  renew(exchange) {
    const usedToken = this.login?.refreshToken;
    return this.#tabs.alone(async () => {
      if (this.active) await this.#tabs.ask(this.login);
      if (!this.active || this.login.refreshToken !== usedToken) return;
      await super.renew(exchange);
      if (this.active) this.#tabs.announce(this.login);
    });
  }

  /** Waits for a renewal of another tab, if the browser has locks. */
  withoutRenewals(task) {
    return this.#tabs.alone(task);
  }

  /** Delete the tokens in all tabs of the session. */
  end(cause) {
    if (!this.active) return;
    const notice = noticeOf(cause);
    this.#tabs.announceEnd(this.login, notice);
    this.#end(notice);
  }

  #end(notice) {
    super.end(null);
    tabStorage.remove(STORAGE_KEY);
    this.events.dispatchEvent(new CustomEvent("end", { detail: notice }));
  }

  #store() {
    if (this.active) tabStorage.write(STORAGE_KEY, this.login);
  }

  #restore() {
    const stored = tabStorage.read(STORAGE_KEY, isLogin);
    tabStorage.remove(STORAGE_KEY);
    if (stored !== null) this.#adoptIfNewer(stored);
  }

  #adoptIfNewer(login) {
    const { userId, expiresAt } = this.login ?? {};
    if (expiresAt >= login.expiresAt) return;
    this.adopt(login);
    // The browser's back button may show a page of the time before another player logged in.
    if (userId !== undefined && userId !== login.userId) this.events.dispatchEvent(new Event("begin"));
  }
}

/** `cause` is that of the client's Session.end: without one the player has logged out. */
function noticeOf(cause) {
  if (cause === null) return { key: "session.loggedOut" };
  if (cause.code === "USER_BANNED") return banNotice(cause.details);
  return { key: cause.status === 401 ? "session.ended" : "session.loggedOutHere" };
}

function isLogin({ userId, accessToken, refreshToken, lifetimeMs, expiresAt }) {
  return (
    [userId, accessToken, refreshToken].every((text) => typeof text === "string") &&
    [lifetimeMs, expiresAt].every(Number.isFinite)
  );
}
