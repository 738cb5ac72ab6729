/** A WebSocket to the broadcaster that reconnects and renews its token on the open connection. */

import { SessionEnded } from "../api/api-client.js";
import { RequestFailed } from "../api/http-request.js";
import { countdown } from "../common/countdown.js";
import { text } from "../common/texts.js";
import { listenForWake } from "./wake-signals.js";

const CLOSE_TOKEN_ENDED = 4401;
const CLOSE_BANNED = 4403;

const FIRST_BACKOFF_CEILING_MS = 2_000;
const MIN_DELAY_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
/** A connection that lasted this long resets the backoff. */
const STABLE_MS = 5_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;
/** After sleep or a change of the network, a connection that is still open replies sooner. */
const WAKE_PONG_TIMEOUT_MS = 2_000;
const RENEWAL_RETRY_MS = 5_000;
/** setTimeout can't wait longer than 2^31 ms. */
const MAX_TIMER_MS = 86_400_000;

/**
 * `credentials` provide the token. freshAccessToken() and renew() throw SessionEnded if there is no
 * valid token; `renewalMarginMs` and `renewalDueInMs` say when to renew it.
 *
 * Handlers: `onState` receives {kind: "connecting"}, {kind: "live"}, {kind: "waiting", seconds} or
 * {kind: "stopped", notice}; `onBoard` receives each board, `onContest` each contest; `onUnreachable` is called after an
 * attempt that led to no connection, `onBanned` after the server closed the connection for a ban, with
 * the ban's details.
 */
export class BoardSocket {
  #url;
  #credentials;
  #handlers;
  #running = false;
  #socket = null;
  #failures = 0;
  #connectedAt = null;
  /** The data of the server's `disconnect` frame, if one came before the connection closed. */
  #disconnect = null;
  #tokenRejected = false;
  #cancelWait = () => {};
  #livenessTimer;
  /** When the connection counts as lost, in performance.now() ms; Infinity while no frame is due. */
  #frameDueAt = Infinity;
  #renewalTimer;
  #heartbeatMs = HANDSHAKE_TIMEOUT_MS;

  constructor(url, credentials, handlers) {
    this.#url = url;
    this.#credentials = credentials;
    this.#handlers = handlers;
    listenForWake(() => this.#check());
  }

  start() {
    this.#running = true;
    this.#failures = 0;
    this.#tokenRejected = false;
    this.#connect();
  }

  stop() {
    this.#running = false;
    this.#cancelWait();
    this.#closeSocket();
  }

  async #connect() {
    this.#cancelWait();
    this.#handlers.onState({ kind: "connecting" });
    let token;
    try {
      if (this.#tokenRejected) await this.#credentials.renew();
      token = await this.#credentials.freshAccessToken();
    } catch (error) {
      if (error instanceof SessionEnded) return;
      if (!(error instanceof RequestFailed)) throw error;
      this.#failures += 1;
      if (this.#running) this.#reconnectAfter(this.#backoffMs());
      return;
    }
    if (!this.#running || this.#socket !== null) return;
    this.#tokenRejected = false;
    this.#open(token);
  }

  #open(token) {
    this.#disconnect = null;
    this.#connectedAt = null;
    let socket;
    try {
      socket = new WebSocket(this.#url, ["bearer", token]);
    } catch (error) {
      this.#stopWith(text("connection.impossible", { reason: error.message }));
      return;
    }
    this.#socket = socket;
    this.#expectFrameWithin(HANDSHAKE_TIMEOUT_MS);
    socket.onmessage = ({ data }) => {
      this.#pingAfter(this.#heartbeatMs);
      this.#receive(JSON.parse(data));
    };
    socket.onclose = ({ code }) => this.#closed(code);
  }

  #receive({ event, data }) {
    switch (event) {
      case "connected":
        this.#connectedAt = performance.now();
        this.#heartbeatMs = data.heartbeatSeconds * 1000;
        this.#renewAfter(data.tokenExpiresIn * 1000 - this.#credentials.renewalMarginMs);
        this.#handlers.onState({ kind: "live" });
        break;
      case "leaderboard_update":
        this.#handlers.onBoard(data);
        break;
      case "contest":
        this.#handlers.onContest(data);
        break;
      case "disconnect":
        this.#disconnect = data;
        break;
      case "error":
        console.warn(`The broadcaster refused a message: ${data.code} ${data.message}`);
        break;
      // server_shutdown and pong need no action; events of later versions are ignored.
    }
  }

  #closed(code) {
    const neverConnected = this.#connectedAt === null;
    const stable = !neverConnected && performance.now() - this.#connectedAt >= STABLE_MS;
    if (neverConnected) this.#failures += 1;
    else this.#failures = stable ? 0 : 1;
    const disconnect = this.#disconnect;
    this.#closeSocket();
    if (code === CLOSE_BANNED) {
      this.#handlers.onBanned(disconnect?.details);
      return;
    }
    if (neverConnected) this.#handlers.onUnreachable();
    if (code === CLOSE_TOKEN_ENDED) {
      this.#tokenRejected = true;
      this.#reconnectAfter(disconnect?.reconnectInMs ?? (this.#failures === 0 ? 0 : this.#backoffMs()));
    } else if (disconnect !== null && disconnect.reconnectInMs === null) {
      this.#stopWith(text("connection.ended", { reason: disconnect.reason }));
    } else {
      this.#reconnectAfter(disconnect?.reconnectInMs ?? this.#backoffMs());
    }
  }

  #stopWith(notice) {
    this.#running = false;
    this.#handlers.onState({ kind: "stopped", notice });
  }

  #reconnectAfter(milliseconds) {
    this.#cancelWait = countdown(
      milliseconds / 1000,
      (seconds) => this.#handlers.onState({ kind: "waiting", seconds }),
      () => this.#connect(),
    );
  }

  /** Grows from 1 to 30 s with random jitter, so that many viewers don't reconnect at once. */
  #backoffMs() {
    const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_CEILING_MS * 2 ** this.#failures);
    return MIN_DELAY_MS + Math.random() * (ceiling - MIN_DELAY_MS);
  }

  /** Reconnect at once if there is no connection, or none that replies. */
  #check() {
    if (!this.#running) return;
    if (this.#socket === null) {
      this.#connect();
    } else if (this.#connectedAt !== null && performance.now() + WAKE_PONG_TIMEOUT_MS < this.#frameDueAt) {
      this.#send({ type: "ping" });
      this.#expectFrameWithin(WAKE_PONG_TIMEOUT_MS, () => {
        this.#closeSocket();
        this.#connect();
      });
    }
  }

  #closeSocket() {
    clearTimeout(this.#livenessTimer);
    clearTimeout(this.#renewalTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  // A script does not see WebSocket pings, and an unplugged cable closes no connection. So the page
  // sends a ping of its own if no frame came for a while.
  #pingAfter(milliseconds) {
    clearTimeout(this.#livenessTimer);
    this.#frameDueAt = Infinity;
    this.#livenessTimer = setTimeout(() => {
      this.#send({ type: "ping" });
      this.#expectFrameWithin(PONG_TIMEOUT_MS);
    }, milliseconds);
  }

  #expectFrameWithin(milliseconds, onLost = () => this.#closed(null)) {
    clearTimeout(this.#livenessTimer);
    this.#frameDueAt = performance.now() + milliseconds;
    this.#livenessTimer = setTimeout(onLost, milliseconds);
  }

  #renewAfter(milliseconds) {
    clearTimeout(this.#renewalTimer);
    const delayMs = Math.min(Math.max(milliseconds, MIN_DELAY_MS), MAX_TIMER_MS);
    this.#renewalTimer = setTimeout(() => this.#renew(), delayMs);
  }

  async #renew() {
    const socket = this.#socket;
    try {
      const token = await this.#credentials.freshAccessToken();
      if (this.#socket !== socket) return;
      this.#send({ type: "auth", token });
      this.#renewAfter(this.#credentials.renewalDueInMs);
    } catch (error) {
      if (error instanceof SessionEnded) return;
      if (!(error instanceof RequestFailed)) throw error;
      if (this.#socket === socket) this.#renewAfter(RENEWAL_RETRY_MS);
    }
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
