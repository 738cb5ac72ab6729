/** The tokens that requests and WebSockets are authorised with. */

import { ApiError, RequestFailed, SessionEnded } from "./errors.js";

/** An access token or display token that can't be renewed. */
export class GivenToken {
  #token;
  /** In Date.now() ms; Infinity until the server has said it. */
  #expiresAt = Infinity;

  constructor(token) {
    this.#token = token;
  }

  get renewalMarginMs() {
    return 0;
  }

  get renewalDueInMs() {
    return Infinity;
  }

  /** A script can't see that a WebSocket was refused because the token has expired. */
  expireIn(seconds) {
    this.#expiresAt = Date.now() + seconds * 1000;
  }

  async freshAccessToken() {
    if (this.#token === null || Date.now() >= this.#expiresAt) throw new SessionEnded();
    return this.#token;
  }

  async renew() {
    this.#token = null;
    throw new SessionEnded();
  }

  async verify() {}

  end() {}
}

/** The tokens of a login, which are renewed before they expire. */
export class LoginCredentials {
  #calls;
  #session;
  #renewal = null;

  constructor(calls, session) {
    this.#calls = calls;
    this.#session = session;
  }

  /** How long before its expiry an access token is renewed, in ms. */
  get renewalMarginMs() {
    return this.#session.renewalMarginMs;
  }

  /** Time until the access token should be renewed, in ms; 0 or less if it is due. */
  get renewalDueInMs() {
    return this.#session.renewalDueInMs;
  }

  /** The session knows it from the reply that brought the token. */
  expireIn() {}

  /** An access token that is not about to expire. Throws SessionEnded, ApiError or NoReply. */
  async freshAccessToken() {
    if (!this.#session.active) throw new SessionEnded();
    if (this.#session.renewalDueInMs <= 0) await this.renew();
    if (!this.#session.active) throw new SessionEnded();
    return this.#session.accessToken;
  }

  /** Exchange the refresh token. Concurrent callers share one request. */
  renew() {
    this.#renewal ??= this.#exchange().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  /** Find out whether the session has ended, where a WebSocket was refused without a reason. */
  async verify() {
    try {
      await this.request("GET", "api/users/me");
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
    }
  }

  /** End the session because of an ApiError, or of a ban's `details`. */
  end(cause) {
    this.#session.end(cause);
  }

  /** As Calls.request, with the access token. Throws SessionEnded too. `run` may delay a request. */
  async request(method, path, body, run = (task) => task()) {
    const send = (token) => run(() => this.#calls.request(method, path, { body, token }));
    const token = await this.freshAccessToken();
    try {
      return await send(token);
    } catch (error) {
      if (error.status !== 401) throw this.#endIfOver(error);
    }
    // The server's clock or keys may differ from what this client assumed: retry with a new token. If the session
    // has ended, the renewal fails too. During a logout, also of another tab, it waits, and there is no error.
    await this.renew();
    try {
      return await send(await this.freshAccessToken());
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  async #exchange() {
    if (!this.#session.active) throw new SessionEnded();
    try {
      await this.#session.renew(
        async (refreshToken) =>
          (await this.#calls.request("POST", "api/auth/refresh", { body: { refreshToken } })).body,
      );
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  #endIfOver(error) {
    if (!(error instanceof ApiError)) return error;
    if (error.code !== "USER_BANNED" && error.status !== 401) return error;
    this.#session.end(error);
    return new SessionEnded(error);
  }
}
