/**
 * Who is logged in, in this tab.
 *
 * The tokens stay in memory while the tab is seen and in sessionStorage while it isn't. A browser
 * copies sessionStorage into a duplicated tab, and two tabs with one refresh token would end the
 * session: the second use of a rotated token looks like theft to the server.
 */

const STORED = "session";
const MARGIN_MS = 30_000;

export class Session extends EventTarget {
  #pair = null;

  constructor() {
    super();
    this.#take();
    // Fires too when the page is left, reloaded or come back to.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#store();
      else this.#take();
    });
  }

  get active() {
    return this.#pair !== null;
  }

  get userId() {
    return this.#pair?.userId ?? null;
  }

  get username() {
    return this.#pair?.username ?? null;
  }

  get accessToken() {
    return this.#pair?.accessToken ?? null;
  }

  get refreshToken() {
    return this.#pair?.refreshToken ?? null;
  }

  /** How long before its end an access token is renewed: ms, less for tokens that live shortly. */
  get margin() {
    return Math.min(MARGIN_MS, (this.#pair?.lifetime ?? 0) / 2);
  }

  /** ms until the access token should be renewed; never above 0 when it is high time. */
  get renewalInMs() {
    return (this.#pair?.expiresAt ?? 0) - Date.now() - this.margin;
  }

  /** Start from the reply to a registration or login. */
  begin(reply) {
    this.#adopt(reply);
    this.dispatchEvent(new Event("begin"));
  }

  /** Take over the pair that `spent` was exchanged for, unless the session has changed since. */
  renew(spent, reply) {
    if (this.refreshToken === spent) this.#adopt({ ...this.#pair, ...reply });
  }

  /** Forget the tokens; `reason` is for the user to read. */
  end(reason) {
    if (!this.active) return;
    this.#pair = null;
    sessionStorage.removeItem(STORED);
    this.dispatchEvent(new CustomEvent("end", { detail: reason }));
  }

  #adopt({ userId, username, accessToken, refreshToken, expiresIn }) {
    const lifetime = expiresIn * 1000;
    const expiresAt = Date.now() + lifetime;
    this.#pair = { userId, username, accessToken, refreshToken, lifetime, expiresAt, expiresIn };
    if (document.hidden) this.#store();
  }

  #store() {
    if (this.active) sessionStorage.setItem(STORED, JSON.stringify(this.#pair));
  }

  #take() {
    const stored = sessionStorage.getItem(STORED);
    sessionStorage.removeItem(STORED);
    if (stored !== null && !this.active) this.#pair = JSON.parse(stored);
  }
}
