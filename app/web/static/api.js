/** The REST API for a player: one method a call; access tokens are renewed on the way. */

import { Refusal, request } from "./http.js";

/** Nobody is logged in any more; the session has told why. */
export class SessionEnded extends Error {
  constructor() {
    super("Please log in");
  }
}

export class Api {
  #session;
  #renewal = null;

  constructor(session) {
    this.#session = session;
  }

  async register(fields) {
    this.#session.begin((await request("POST", "/api/auth/register", { body: fields })).body);
  }

  async logIn(fields) {
    this.#session.begin((await request("POST", "/api/auth/login", { body: fields })).body);
  }

  /** End the session here in any case, and on the server if it answers. */
  async logOut() {
    try {
      await this.#authorized("POST", "/api/auth/logout");
      this.#session.end("You are logged out.");
    } catch {
      this.#session.end("You are logged out here; the server could not be told.");
    }
  }

  async me() {
    return (await this.#authorized("GET", "/api/users/me")).body;
  }

  /** {version, leaderboard}: the player's row with two above and two below; none before a point. */
  async neighbours() {
    return (await this.#authorized("GET", "/api/leaderboard/around-me?span=2")).body;
  }

  /** {body: {actionToken, expiresIn}, allowance} */
  actionToken() {
    return this.#authorized("POST", "/api/actions/token");
  }

  /** {body: {newScore, newRank, boardVersion}, allowance} */
  increment(actionToken) {
    return this.#authorized("POST", "/api/scores/increment", { actionToken });
  }

  /** How long before its end an access token is renewed, in ms. */
  get margin() {
    return this.#session.margin;
  }

  /** ms until the access token should be renewed; never above 0 when it is high time. */
  get renewalInMs() {
    return this.#session.renewalInMs;
  }

  /** An access token that is good for a while yet; throws SessionEnded, Refusal or NoAnswer. */
  async freshAccessToken() {
    if (!this.#session.active) throw new SessionEnded();
    if (this.#session.renewalInMs <= 0) await this.renew();
    if (!this.#session.active) throw new SessionEnded();
    return this.#session.accessToken;
  }

  /** Exchange the refresh token, once for all who ask meanwhile. */
  renew() {
    this.#renewal ??= this.#exchange().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #exchange() {
    const spent = this.#session.refreshToken;
    if (spent === null) throw new SessionEnded();
    try {
      const { body } = await request("POST", "/api/auth/refresh", { body: { refreshToken: spent } });
      this.#session.renew(spent, body);
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  async #authorized(method, path, body) {
    const token = await this.freshAccessToken();
    try {
      return await request(method, path, { body, token });
    } catch (error) {
      if (error.code !== "AUTH_INVALID") throw this.#endIfOver(error);
    }
    // The server's clock or keys say otherwise than ours: once more with a new token.
    await this.renew();
    try {
      return await request(method, path, { body, token: await this.freshAccessToken() });
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  #endIfOver(error) {
    if (!(error instanceof Refusal)) return error;
    if (error.code === "USER_BANNED") this.#session.end("This account is banned.");
    else if (error.status === 401) this.#session.end("Your session has ended. Please log in again.");
    else return error;
    return new SessionEnded();
  }
}
