/** A player's or a viewer's access to a scoreboard. */

import { boardPath, settingsPath } from "./watch/board-query.js";
import { BroadcasterAddress } from "./watch/broadcaster-address.js";
import { Watch } from "./watch/watch.js";
import { Calls } from "./calls.js";
import { GivenToken, LoginCredentials } from "./credentials.js";
import { ApiError, RequestFailed } from "./errors.js";
import { PointScorer } from "./point-scorer.js";
import { Session } from "./session.js";

/** The most that the API returns in one reply. */
const PAGE_ROWS = 100;

export class Scoreboard {
  #calls;
  #session;
  #login;
  #givenToken;
  #address;
  #scorer;
  /** The fields of a registration that the server may have carried out, although no answer came. */
  #unansweredRegistration = null;

  /**
   * `url` is the site's address, or "" for the page's own. `token` is an access token or a display token,
   * in place of a login. `websocketUrl` is the broadcaster's address; by default the client asks the server.
   * `session` keeps the login (see Session), and `onReply` receives the headers of each reply.
   */
  constructor(url, { token = null, websocketUrl = null, session = new Session(), onReply } = {}) {
    this.#calls = new Calls(url, onReply);
    this.#session = session;
    this.#login = new LoginCredentials(this.#calls, session);
    this.#givenToken = token === null ? null : new GivenToken(token);
    this.#address = new BroadcasterAddress(this.#calls, websocketUrl);
    this.#scorer = new PointScorer((...request) => this.request(...request));
  }

  /** The player who is logged in, or null. */
  get userId() {
    return this.#session.userId;
  }

  /** Log in and return the player's id. Throws ApiError or NoReply. */
  async login(username, password) {
    const body = { username, password };
    this.#session.begin((await this.#calls.request("POST", "api/auth/login", { body })).body);
    return this.#session.userId;
  }

  /**
   * Create an account and log in to it, also if an earlier try has created it without an answer.
   *
   * Returns the player's id. Throws ApiError or NoReply.
   */
  async register(username, password, displayName) {
    const fields = { username, password, displayName };
    try {
      this.#session.begin((await this.#calls.request("POST", "api/auth/register", { body: fields })).body);
    } catch (error) {
      if (error instanceof RequestFailed && error.uncertain) this.#unansweredRegistration = fields;
      if (error.code !== "USERNAME_TAKEN" || !this.#isUnanswered(fields)) throw error;
      await this.#logInToOwn(fields, error);
    }
    this.#unansweredRegistration = null;
    return this.#session.userId;
  }

  /** End the session. The login is forgotten here even if this throws ApiError or NoReply. */
  async logout() {
    let cause = null;
    try {
      await this.#endOnServer();
    } catch (error) {
      cause = error;
      throw error;
    } finally {
      this.#session.end(cause);
    }
  }

  /**
   * Score one point on the board `main`, at most once: {newScore, newRank, boardVersion, …}.
   *
   * Requests without a reply are repeated with the same action token. Throws ApiError (a 429 says in
   * `waitSeconds` when to call again), NoReply or SessionEnded. After an error the next call first settles
   * the point of this one.
   */
  score() {
    return this.#scorer.score();
  }

  /** The top ten now: {leaderboard, version?, updatedAt?}. Throws ApiError or NoReply. */
  async readBoard(board = "main", period = null) {
    return (await this.#calls.request("GET", boardPath(board, period))).body;
  }

  /** All rows now, of this version or a later one. Throws ApiError or NoReply. */
  async readStandings(board = "main", period = null, { minVersion = 0 } = {}) {
    const rows = [];
    let position = { minVersion };
    for (;;) {
      const path = boardPath(board, period, { limit: PAGE_ROWS, ...position });
      const { leaderboard, next } = (await this.#calls.request("GET", path)).body;
      rows.push(...leaderboard);
      if (next === null) return rows;
      position = { after: next };
    }
  }

  /** The rules of a board, its clock and its state. Throws ApiError or NoReply. */
  async readSettings(board = "main") {
    return (await this.#calls.request("GET", settingsPath(board))).body;
  }

  /**
   * Watch a board until the watch is closed, over the best way that works.
   *
   * With a login or a token that is the WebSocket, else the event stream, else a read every 2 s. Handlers,
   * all optional: `onBoard(board)`, `onRank({score, rank, version})` over the WebSocket only,
   * `onReveal(reveal)` over the WebSocket and the stream, `onContest(contest)` if the board has a clock,
   * `onEvent({event, data})` and `onState({kind, transport, cause, retryMs, error})`.
   */
  watch(board = "main", { period = null, ...handlers } = {}) {
    const login = this.#session.active ? this.#login : null;
    return new Watch(
      { calls: this.#calls, address: this.#address, credentials: this.#givenToken ?? login, board, period },
      handlers,
    );
  }

  /** The reply's body of any other call with the login, such as ("GET", "api/users/me"). */
  async call(method, path, body) {
    return (await this.request(method, path, body)).body;
  }

  /** As `call`, but returns {body, rateLimit}. */
  async request(method, path, body) {
    if (this.#givenToken === null) return this.#login.request(method, path, body);
    return this.#calls.request(method, path, { body, token: await this.#givenToken.freshAccessToken() });
  }

  #endOnServer() {
    if (this.#givenToken !== null) return this.request("POST", "api/auth/logout");
    // The server may close the session's WebSockets before its reply arrives. A program that then renewed
    // the tokens would report that the session has ended.
    const alone = (task) => this.#session.withoutRenewals(task);
    return this.#login.request("POST", "api/auth/logout", undefined, alone);
  }

  #isUnanswered({ username, password }) {
    const earlier = this.#unansweredRegistration;
    return earlier !== null && earlier.username === username && earlier.password === password;
  }

  /** Log in to the account of that name, or throw `taken` if it is another player's. */
  async #logInToOwn({ username, password }, taken) {
    try {
      await this.login(username, password);
    } catch (error) {
      throw error instanceof ApiError && error.code === "INVALID_CREDENTIALS" ? taken : error;
    }
  }
}
