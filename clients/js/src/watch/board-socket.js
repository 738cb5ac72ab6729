/** The WebSocket, with a token, which is renewed on the open connection. */

import { RequestFailed, SessionEnded, WatchEnded } from "../errors.js";
import { withQuery } from "./broadcaster-address.js";
import { ConnectionFailed } from "./connection-failed.js";

const CLOSE_TOKEN_ENDED = 4401;
const CLOSE_BANNED = 4403;

/** Events of the watched board. A broadcaster of an older version sends those of `main` instead. */
const BOARD_EVENTS = ["leaderboard_update", "rank_update", "reveal", "contest"];

const HANDSHAKE_TIMEOUT_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;
/** After sleep or a change of the network, a connection that is still open replies sooner. */
const WAKE_PONG_TIMEOUT_MS = 2_000;
const RENEWAL_RETRY_MS = 5_000;
const MIN_RENEWAL_MS = 1_000;
/** setTimeout can't wait longer than 2^31 ms. */
const MAX_TIMER_MS = 86_400_000;

/**
 * `credentials` provide the token. freshAccessToken() and renew() throw SessionEnded if there is no valid
 * token; expireIn(seconds) is called with the time until it ends; `renewalMarginMs` and `renewalDueInMs` say
 * when to renew it; verify() throws SessionEnded if the session has ended; end(cause) is called after a ban.
 */
export class BoardSocket {
  name = "websocket";
  #address;
  #query;
  #credentials;
  #wantsRank;
  #tokenRejected = false;
  #socket = null;
  #fail = null;
  #receiver = null;
  #isOpen = false;
  /** The data of the server's `disconnect` frame, if one came before the connection closed. */
  #disconnect = null;
  #livenessTimer;
  /** When the connection counts as lost, in performance.now() ms; Infinity while no frame is due. */
  #frameDueAt = Infinity;
  #renewalTimer;
  #heartbeatMs = HANDSHAKE_TIMEOUT_MS;

  constructor(address, query, credentials, wantsRank) {
    this.#address = address;
    this.#query = query;
    this.#credentials = credentials;
    this.#wantsRank = wantsRank;
  }

  async run(receiver, signal) {
    const end = () => this.#fail?.(new ConnectionFailed("The watch was stopped"));
    signal.addEventListener("abort", end);
    try {
      const socket = await this.#connect();
      if (signal.aborted) {
        socket.close();
        return;
      }
      this.#receiver = receiver;
      const closed = await this.#receiveUntilClosed(socket);
      await this.#handleClose(closed);
    } catch (error) {
      if (error instanceof SessionEnded) throw new WatchEnded(error.message, { cause: error });
      if (error instanceof RequestFailed) throw new ConnectionFailed(error.message, null, error);
      throw error;
    } finally {
      signal.removeEventListener("abort", end);
      this.#closeSocket();
    }
  }

  /** End the connection unless the server replies soon. */
  wake() {
    if (this.#isOpen && performance.now() + WAKE_PONG_TIMEOUT_MS < this.#frameDueAt) {
      this.#send({ type: "ping" });
      // Only this machine has slept, so its next attempt need not be spread over a time.
      this.#expectFrameWithin(WAKE_PONG_TIMEOUT_MS, 0);
    }
  }

  async #connect() {
    const address = withQuery(await this.#address.websocket(), this.#query);
    if (this.#tokenRejected) await this.#credentials.renew();
    const token = await this.#credentials.freshAccessToken();
    this.#tokenRejected = false;
    try {
      const WebSocket = globalThis.WebSocket ?? (await import("./node-websocket.js")).NodeWebSocket;
      return new WebSocket(address, ["bearer", token]);
    } catch (error) {
      // The browser has no WebSocket, or forbids this address: a retry can't help, but another way may.
      throw new ConnectionFailed(error.message);
    }
  }

  /** Resolves with the close code. */
  #receiveUntilClosed(socket) {
    this.#socket = socket;
    this.#disconnect = null;
    this.#isOpen = false;
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#expectFrameWithin(HANDSHAKE_TIMEOUT_MS);
      socket.onmessage = ({ data }) => {
        this.#pingAfter(this.#heartbeatMs);
        this.#receive(JSON.parse(data));
      };
      socket.onclose = ({ code }) => resolve(code);
    });
  }

  #receive(event) {
    const { data } = event;
    if (event.event === "connected") {
      if (!this.#isOpen && this.#wantsRank) this.#send({ type: "watch_me" });
      this.#isOpen = true;
      this.#heartbeatMs = data.heartbeatSeconds * 1000;
      this.#credentials.expireIn(data.tokenExpiresIn);
      this.#renewAfter(data.tokenExpiresIn * 1000 - this.#credentials.renewalMarginMs);
      this.#receiver.live();
    } else if (event.event === "disconnect") {
      this.#disconnect = data;
    } else if (BOARD_EVENTS.includes(event.event) && !this.#isOfBoard(data)) {
      return;
    }
    this.#receiver.receive(event);
  }

  #isOfBoard(data) {
    return Object.entries(this.#query).every(([name, value]) => data[name] === value);
  }

  async #handleClose(code) {
    const disconnect = this.#disconnect;
    if (code === CLOSE_BANNED) {
      this.#credentials.end({ code: "USER_BANNED", details: disconnect?.details });
      throw new WatchEnded(disconnect?.reason ?? "banned");
    }
    if (code === CLOSE_TOKEN_ENDED) {
      this.#tokenRejected = true;
      // For good only if the token can't be renewed, which the next attempt finds out.
      throw new ConnectionFailed(disconnect?.reason ?? "The token has ended", disconnect?.reconnectInMs ?? 0);
    }
    if (disconnect !== null && disconnect.reconnectInMs === null) throw new WatchEnded(disconnect.reason);
    if (disconnect !== null) throw new ConnectionFailed(disconnect.reason, disconnect.reconnectInMs);
    // A script can't see the status of a refused handshake.
    if (!this.#isOpen) await this.#credentials.verify();
    throw new ConnectionFailed(this.#isOpen ? "The connection was lost" : "The connection failed");
  }

  #closeSocket() {
    clearTimeout(this.#livenessTimer);
    clearTimeout(this.#renewalTimer);
    const socket = this.#socket;
    this.#socket = null;
    this.#fail = null;
    this.#isOpen = false;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  // A script does not see WebSocket pings, and an unplugged cable closes no connection. So the client
  // sends a ping of its own if no frame came for a while.
  #pingAfter(milliseconds) {
    clearTimeout(this.#livenessTimer);
    this.#frameDueAt = Infinity;
    this.#livenessTimer = setTimeout(() => {
      this.#send({ type: "ping" });
      this.#expectFrameWithin(PONG_TIMEOUT_MS);
    }, milliseconds);
  }

  #expectFrameWithin(milliseconds, retryMs = null) {
    clearTimeout(this.#livenessTimer);
    this.#frameDueAt = performance.now() + milliseconds;
    const fail = () => this.#fail?.(new ConnectionFailed("The server does not reply", retryMs));
    this.#livenessTimer = setTimeout(fail, milliseconds);
  }

  #renewAfter(milliseconds) {
    clearTimeout(this.#renewalTimer);
    const delayMs = Math.min(Math.max(milliseconds, MIN_RENEWAL_MS), MAX_TIMER_MS);
    this.#renewalTimer = setTimeout(() => this.#renew(), delayMs);
  }

  async #renew() {
    const socket = this.#socket;
    if (this.#credentials.renewalDueInMs === Infinity) return;
    try {
      const token = await this.#credentials.freshAccessToken();
      if (this.#socket !== socket) return;
      this.#send({ type: "auth", token });
      this.#renewAfter(this.#credentials.renewalDueInMs);
    } catch (error) {
      if (this.#socket !== socket) return;
      if (error instanceof RequestFailed) this.#renewAfter(RENEWAL_RETRY_MS);
      else this.#fail?.(error);
    }
  }

  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }
}
