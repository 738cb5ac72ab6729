/** A login in memory. A program that keeps logins elsewhere gives an object with the same members. */

const RENEWAL_MARGIN_MS = 30_000;

export class Session {
  #login = null;

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

  /** Start with the reply to a registration or login. */
  begin(reply) {
    this.#adopt(reply);
  }

  /** Replace the tokens by those of the reply that `exchange` gets for the refresh token. */
  async renew(exchange) {
    const { refreshToken } = this.#login;
    const reply = await exchange(refreshToken);
    // The session may have ended while the request was under way.
    if (this.#login?.refreshToken === refreshToken) this.#adopt({ ...this.#login, ...reply });
  }

  /** Forget the tokens; `_cause` is the ApiError that ended the session, or null after a logout. */
  end(_cause) {
    this.#login = null;
  }

  #adopt({ userId, accessToken, refreshToken, expiresIn }) {
    const lifetimeMs = expiresIn * 1000;
    this.#login = { userId, accessToken, refreshToken, lifetimeMs, expiresAt: Date.now() + lifetimeMs };
  }
}
