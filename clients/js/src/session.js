/** A login in memory. A program that keeps logins elsewhere, or shares them, extends this class. */

const RENEWAL_MARGIN_MS = 30_000;

export class Session {
  #login = null;

  /** {userId, username, accessToken, refreshToken, lifetimeMs, expiresAt}, or null. */
  get login() {
    return this.#login;
  }

  get active() {
    return this.#login !== null;
  }

  get userId() {
    return this.#login?.userId ?? null;
  }

  get accessToken() {
    return this.#login?.accessToken ?? null;
  }

  /** How long before its expiry an access token is renewed, in ms; at most half its lifetime. */
  get renewalMarginMs() {
    return Math.min(RENEWAL_MARGIN_MS, (this.#login?.lifetimeMs ?? 0) / 2);
  }

  /** Time until the access token should be renewed, in ms; 0 or less if it is due. */
  get renewalDueInMs() {
    return (this.#login?.expiresAt ?? 0) - Date.now() - this.renewalMarginMs;
  }

  /** Use this login, or none if it is null, from now on. */
  adopt(login) {
    this.#login = login;
  }

  /** Start with the reply to a registration or login. */
  begin(reply) {
    this.adopt(loginOf(reply));
  }

  /** Replace the tokens by those of the reply that `exchange` gets for the refresh token. */
  async renew(exchange) {
    const { refreshToken } = this.#login;
    const reply = await exchange(refreshToken);
    // The session may have ended while the request was under way.
    if (this.#login?.refreshToken === refreshToken) this.adopt(loginOf({ ...this.#login, ...reply }));
  }

  /** Run a task while no program that shares the session renews its tokens. */
  withoutRenewals(task) {
    return task();
  }

  /** Forget the tokens; `_cause` is the error that ended the session, or null after a logout. */
  end(_cause) {
    this.adopt(null);
  }
}

function loginOf({ userId, username, accessToken, refreshToken, expiresIn }) {
  const lifetimeMs = expiresIn * 1000;
  return { userId, username, accessToken, refreshToken, lifetimeMs, expiresAt: Date.now() + lifetimeMs };
}
