/** The board as it changes: a WebSocket that comes back by itself and renews its token in band. */

import { SessionEnded } from "./api.js";
import { countdown } from "./countdown.js";
import { CallFailed } from "./http.js";

const TOKEN_ENDED = 4401;
const BANNED = 4403;

const FIRST_CEILING_MS = 2_000;
const LEAST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;
const STABLE_MS = 5_000;
const HANDSHAKE_MS = 10_000;
const PONG_MS = 10_000;
const RENEWAL_RETRY_MS = 5_000;
const LONGEST_TIMER_MS = 86_400_000;

/**
 * `credentials` have the token: freshAccessToken() and renew(), which throw SessionEnded when there
 * is no more to be had; `margin` and `renewalInMs` say when it is to be renewed.
 * States told to `on.state`: {kind: "connecting"}, {kind: "live"}, {kind: "waiting", seconds},
 * {kind: "stopped", reason}. Boards go to `on.board`; `on.unreachable` hears of each attempt that
 * led to no connection, `on.banned` of a ban.
 */
export class LiveFeed {
  #url;
  #credentials;
  #on;
  #running = false;
  #socket = null;
  #failures = 0;
  #connectedAt = null;
  #farewell = null;
  #tokenRefused = false;
  #cancelWait = () => {};
  #watchdog;
  #renewal;
  #heartbeatMs = HANDSHAKE_MS;

  constructor(url, credentials, on) {
    this.#url = url;
    this.#credentials = credentials;
    this.#on = on;
    addEventListener("online", () => this.#hurry());
  }

  start() {
    this.#running = true;
    this.#failures = 0;
    this.#tokenRefused = false;
    this.#connect();
  }

  stop() {
    this.#running = false;
    this.#cancelWait();
    this.#drop();
  }

  async #connect() {
    this.#cancelWait();
    this.#on.state({ kind: "connecting" });
    let token;
    try {
      if (this.#tokenRefused) await this.#credentials.renew();
      token = await this.#credentials.freshAccessToken();
    } catch (error) {
      if (error instanceof SessionEnded) return;
      if (!(error instanceof CallFailed)) throw error;
      this.#failures += 1;
      if (this.#running) this.#comeBack(this.#backoff());
      return;
    }
    if (!this.#running || this.#socket !== null) return;
    this.#tokenRefused = false;
    this.#open(token);
  }

  #open(token) {
    this.#farewell = null;
    this.#connectedAt = null;
    const socket = new WebSocket(this.#url, ["bearer", token]);
    this.#socket = socket;
    this.#expectWithin(HANDSHAKE_MS);
    socket.onmessage = ({ data }) => {
      this.#probeAfter(this.#heartbeatMs);
      this.#receive(JSON.parse(data));
    };
    socket.onclose = ({ code }) => this.#closed(code);
  }

  #receive({ event, data }) {
    switch (event) {
      case "connected":
        this.#connectedAt = performance.now();
        this.#heartbeatMs = data.heartbeatSeconds * 1000;
        this.#renewAfter(data.tokenExpiresIn * 1000 - this.#credentials.margin);
        this.#on.state({ kind: "live" });
        break;
      case "leaderboard_update":
        this.#on.board(data);
        break;
      case "disconnect":
        this.#farewell = data;
        break;
      case "error":
        console.warn(`The broadcaster refused a message: ${data.code} ${data.message}`);
        break;
      // server_shutdown and pong ask nothing of a viewer; events of later versions pass by too.
    }
  }

  #closed(code) {
    const refused = this.#connectedAt === null;
    const stable = !refused && performance.now() - this.#connectedAt >= STABLE_MS;
    if (refused) this.#failures += 1;
    else this.#failures = stable ? 0 : 1;
    const farewell = this.#farewell;
    this.#drop();
    if (code === BANNED) {
      this.#on.banned();
      return;
    }
    if (refused) this.#on.unreachable();
    if (code === TOKEN_ENDED) {
      this.#tokenRefused = true;
      this.#comeBack(farewell?.reconnectInMs ?? (this.#failures === 0 ? 0 : this.#backoff()));
    } else if (farewell !== null && farewell.reconnectInMs === null) {
      this.#running = false;
      this.#on.state({ kind: "stopped", reason: farewell.reason });
    } else {
      this.#comeBack(farewell?.reconnectInMs ?? this.#backoff());
    }
  }

  #comeBack(milliseconds) {
    this.#cancelWait = countdown(
      milliseconds / 1000,
      (seconds) => this.#on.state({ kind: "waiting", seconds }),
      () => this.#connect(),
    );
  }

  /** Grows from 1 to 30 s, and differs between viewers, so that they don't come all at once. */
  #backoff() {
    const ceiling = Math.min(MOST_WAIT_MS, FIRST_CEILING_MS * 2 ** this.#failures);
    return LEAST_WAIT_MS + Math.random() * (ceiling - LEAST_WAIT_MS);
  }

  #hurry() {
    if (this.#running && this.#socket === null) this.#connect();
  }

  #drop() {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#renewal);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  // Browser code sees no WebSocket ping, and a cable that is pulled closes nothing.
  #probeAfter(milliseconds) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#send({ type: "ping" });
      this.#expectWithin(PONG_MS);
    }, milliseconds);
  }

  #expectWithin(milliseconds) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#closed(null), milliseconds);
  }

  #renewAfter(milliseconds) {
    clearTimeout(this.#renewal);
    const delay = Math.min(Math.max(milliseconds, LEAST_WAIT_MS), LONGEST_TIMER_MS);
    this.#renewal = setTimeout(() => this.#renew(), delay);
  }

  async #renew() {
    const socket = this.#socket;
    try {
      const token = await this.#credentials.freshAccessToken();
      if (this.#socket !== socket) return;
      this.#send({ type: "auth", token });
      this.#renewAfter(this.#credentials.renewalInMs);
    } catch (error) {
      if (error instanceof SessionEnded) return;
      if (!(error instanceof CallFailed)) throw error;
      if (this.#socket === socket) this.#renewAfter(RENEWAL_RETRY_MS);
    }
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
