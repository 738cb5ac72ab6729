/**
 * The player's login in this tab.
 *
 * The tokens are in memory, and while the tab is hidden also in sessionStorage. A browser copies
 * sessionStorage into a duplicated tab, so several tabs may have one session (SessionTabs). The
 * newest tokens of a session are those whose access token expires last.
 */

import { tabStorage } from "../common/json-storage.js";

import { SessionTabs } from "./session-tabs.js";

const STORAGE_KEY = "session";
const RENEWAL_MARGIN_MS = 30_000;

export class Session extends EventTarget {
  #login = null;
  #tabs = new SessionTabs({
    current: () => this.#login,
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

  get active() {
    return this.#login !== null;
  }

  get userId() {
    return this.#login?.userId ?? null;
  }

  get username() {
    return this.#login?.username ?? null;
  }

  get accessToken() {
    return this.#login?.accessToken ?? null;
  }

  get refreshToken() {
    return this.#login?.refreshToken ?? null;
  }

  /** How long before its expiry an access token is renewed, in ms; at most half its lifetime. */
  get renewalMarginMs() {
    return Math.min(RENEWAL_MARGIN_MS, (this.#login?.lifetimeMs ?? 0) / 2);
  }

  /** Time until the access token should be renewed, in ms; 0 or less if it is due. */
  get renewalDueInMs() {
    return (this.#login?.expiresAt ?? 0) - Date.now() - this.renewalMarginMs;
  }

  /** Start a session from the reply to a registration or login. Fires "begin". */
  begin(reply) {
    this.#adopt(reply);
    this.dispatchEvent(new Event("begin"));
  }

  /**
   * Renew the tokens by `exchange`, which sends a refresh token and returns the server's reply.
   *
   * Does nothing if another tab of the session has renewed them in the meantime.
   */
  renew(exchange) {
    const usedToken = this.refreshToken;
    return this.#tabs.alone(async () => {
      if (this.active) await this.#tabs.ask(this.#login);
      if (this.refreshToken !== usedToken) return;
      const reply = await exchange(usedToken);
      // The session may have ended while the request was under way.
      if (this.refreshToken !== usedToken) return;
      this.#adopt({ ...this.#login, ...reply });
      this.#tabs.announce(this.#login);
    });
  }

  /** Run the task while no tab of the session renews its tokens, if the browser has locks. */
  withoutRenewals(task) {
    return this.#tabs.alone(task);
  }

  /** Delete the tokens in all tabs of the session. Fires "end" with `notice`, {key, values} of a text. */
  end(notice) {
    if (!this.active) return;
    this.#tabs.announceEnd(this.#login, notice);
    this.#end(notice);
  }

  #end(notice) {
    this.#login = null;
    tabStorage.remove(STORAGE_KEY);
    this.dispatchEvent(new CustomEvent("end", { detail: notice }));
  }

  #adopt({ userId, username, accessToken, refreshToken, expiresIn }) {
    const lifetimeMs = expiresIn * 1000;
    const expiresAt = Date.now() + lifetimeMs;
    this.#login = { userId, username, accessToken, refreshToken, lifetimeMs, expiresAt };
    if (document.hidden) this.#store();
  }

  #store() {
    if (this.active) tabStorage.write(STORAGE_KEY, this.#login);
  }

  #restore() {
    const stored = tabStorage.read(STORAGE_KEY, isLogin);
    tabStorage.remove(STORAGE_KEY);
    if (stored !== null) this.#adoptIfNewer(stored);
  }

  #adoptIfNewer(login) {
    const { userId, expiresAt } = this.#login ?? {};
    if (expiresAt >= login.expiresAt) return;
    this.#login = login;
    if (document.hidden) this.#store();
    // The browser's back button may show a page of the time before another player logged in.
    if (userId !== undefined && userId !== login.userId) this.dispatchEvent(new Event("begin"));
  }
}

function isLogin({ userId, accessToken, refreshToken, lifetimeMs, expiresAt }) {
  return (
    [userId, accessToken, refreshToken].every((text) => typeof text === "string") &&
    [lifetimeMs, expiresAt].every(Number.isFinite)
  );
}
