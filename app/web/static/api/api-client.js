/** The REST API for a player: one method for each call. Renews the access token when needed. */

import { text } from "../common/texts.js";
import { standingsAddress, WATCHED } from "../common/watched-board.js";

import { banNotice } from "./ban-notice.js";
import { ErrorReply, isUncertain, request } from "./http-request.js";

/** The session is over. The session's "end" event has the reason. */
export class SessionEnded extends Error {
  constructor() {
    super(text("errors.AUTH_REQUIRED"));
  }
}

export class ApiClient {
  #session;
  #renewal = null;
  /** The fields of a registration that the server may have carried out, although no answer came. */
  #unansweredRegistration = null;

  constructor(session) {
    this.#session = session;
  }

  /** Create an account and log in to it, also if an earlier try has created it without an answer. */
  async register(fields) {
    try {
      this.#session.begin((await request("POST", "api/auth/register", { body: fields })).body);
    } catch (error) {
      if (isUncertain(error)) this.#unansweredRegistration = fields;
      if (error.code !== "USERNAME_TAKEN" || !this.#isUnanswered(fields)) throw error;
      await this.#logInToOwn(fields, error);
    }
    this.#unansweredRegistration = null;
  }

  async logIn(fields) {
    this.#session.begin((await request("POST", "api/auth/login", { body: fields })).body);
  }

  /** End the session in this tab in any case, and on the server if it replies. */
  async logOut() {
    // The server may close the WebSockets of the session's tabs before its reply arrives. A tab that then
    // renewed its tokens would report that the session has ended.
    const send = (...call) => this.#session.withoutRenewals(() => request(...call));
    try {
      await this.#authorized("POST", "api/auth/logout", undefined, send);
      this.#session.end({ key: "session.loggedOut" });
    } catch {
      this.#session.end({ key: "session.loggedOutHere" });
    }
  }

  async readMe() {
    return (await this.#authorized("GET", "api/users/me")).body;
  }

  /** {version, leaderboard}: the player's row with `span` rows above and below. Empty without a score. */
  async readAroundMe(span) {
    return (await this.#authorized("GET", standingsAddress("/around-me", { span }))).body;
  }

  /** {body: {actionToken, expiresIn}, rateLimit} */
  requestActionToken() {
    // Versions of the server before there were boards take no body.
    const body = WATCHED.board === "main" ? undefined : { board: WATCHED.board };
    return this.#authorized("POST", "api/actions/token", body);
  }

  /** {body: {newScore, newRank, boardVersion}, rateLimit} */
  increment(actionToken) {
    return this.#authorized("POST", "api/scores/increment", { actionToken });
  }

  /** Give the screen that shows this code a display token; for admins. Returns {id, name, expiresAt}. */
  async pairDisplay(fields) {
    return (await this.#authorized("POST", "api/admin/displays/pair", fields)).body;
  }

  /** How long before its expiry an access token is renewed, in ms. */
  get renewalMarginMs() {
    return this.#session.renewalMarginMs;
  }

  /** Time until the access token should be renewed, in ms; 0 or less if it is due. */
  get renewalDueInMs() {
    return this.#session.renewalDueInMs;
  }

  /** An access token that is not about to expire. Throws SessionEnded, ErrorReply or NoReply. */
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

  #isUnanswered({ username, password }) {
    const earlier = this.#unansweredRegistration;
    return earlier !== null && earlier.username === username && earlier.password === password;
  }

  /** Log in to the account of that name, or throw `taken` if it is another player's. */
  async #logInToOwn({ username, password }, taken) {
    try {
      await this.logIn({ username, password });
    } catch (error) {
      throw error.code === "INVALID_CREDENTIALS" ? taken : error;
    }
  }

  async #exchange() {
    if (!this.#session.active) throw new SessionEnded();
    try {
      await this.#session.renew(
        async (refreshToken) => (await request("POST", "api/auth/refresh", { body: { refreshToken } })).body,
      );
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  async #authorized(method, path, body, send = request) {
    const token = await this.freshAccessToken();
    try {
      return await send(method, path, { body, token });
    } catch (error) {
      if (error.code !== "AUTH_INVALID") throw this.#endIfOver(error);
    }
    // The server's clock or keys may differ from what this page assumed: retry with a new token.
    await this.renew();
    try {
      return await send(method, path, { body, token: await this.freshAccessToken() });
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  #endIfOver(error) {
    if (!(error instanceof ErrorReply)) return error;
    if (error.code === "USER_BANNED") this.#session.end(banNotice(error.details));
    else if (error.status === 401) this.#session.end({ key: "session.ended" });
    else return error;
    return new SessionEnded();
  }
}
