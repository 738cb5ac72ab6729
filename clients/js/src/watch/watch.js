/** Watches a board over the best transport that works, and keeps its newest version. */

import { WatchEnded } from "../errors.js";
import { boardPath, boardQuery } from "./board-query.js";
import { BoardSocket } from "./board-socket.js";
import { EventStream } from "./event-stream.js";
import { Level } from "./level.js";
import { Polling } from "./polling.js";
import { listenForCache } from "./page-cache.js";
import { listenForWake } from "./wake-signals.js";

export class Watch {
  /** The newest board, or null before the first. */
  board = null;
  /** The contest of the board, or null if it has no clock; `onContest` says when it changes. */
  contest = null;
  /** {kind, transport, cause, retryMs, error}: how the board is received. */
  state = stateOf("connecting");
  #ranking;
  #handlers;
  #run = new AbortController();
  #level = null;
  #stopListening;
  #ended = null;
  #waiting = new Set();

  /**
   * `ranking` is {calls, address, credentials, board, period}: `credentials` may be null, and `address` is a
   * BroadcasterAddress. The handlers are those of Scoreboard.watch.
   */
  constructor(ranking, handlers) {
    this.#ranking = ranking;
    this.#handlers = handlers;
    const stopWaking = listenForWake(() => this.#level?.wake());
    // Browsers remove a page with an open connection from the back/forward cache: Chromium after a minute.
    const stopCaching = listenForCache(() => this.#run.abort(), () => this.#connect());
    this.#stopListening = () => {
      stopWaking();
      stopCaching();
    };
    // Not before the caller has got this object.
    queueMicrotask(() => this.#connect());
  }

  /**
   * The board once it has this version or a later one, such as `boardVersion` of a point.
   *
   * Throws a TimeoutError (an Error of that name), or what ended the watch.
   */
  waitForVersion(version, { timeoutMs = 10_000 } = {}) {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.board !== null && this.board.version >= version) finish(resolve, this.board);
        else if (this.#ended !== null) finish(reject, this.#ended);
      };
      const timer = setTimeout(() => {
        const error = new Error(`No board of version ${version} came within ${timeoutMs} ms`);
        error.name = "TimeoutError";
        finish(reject, error);
      }, timeoutMs);
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        settle(value);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** End the watch. */
  close() {
    this.#stop(new WatchEnded("The watch was closed"));
  }

  /** Connect with transports of its own, because those of an earlier run may still be ending. */
  #connect() {
    if (this.#ended !== null) return;
    this.#run.abort();
    this.#run = new AbortController();
    this.#level = new Level(this.#transports(), {
      receive: (event) => this.#receive(event),
      levelChanged: () => this.#show(this.#present()),
      fail: (error) => this.#end(error),
    });
    this.#level.run(this.#run.signal);
  }

  #transports() {
    const { calls, address, credentials, board, period } = this.#ranking;
    const query = boardQuery(board, period);
    const transports = [new EventStream(address, query), new Polling(calls, boardPath(board, period))];
    if (credentials === null) return transports;
    return [new BoardSocket(address, query, credentials, this.#handlers.onRank !== undefined), ...transports];
  }

  #receive(event) {
    if (this.#ended !== null) return;
    if (event.event === "leaderboard_update") {
      if (!this.#isNew(event.data)) return;
      this.board = event.data;
      this.#call("onBoard", event.data);
      this.#notify();
    }
    if (event.event === "contest") {
      if (!this.#isNewContest(event.data)) return;
      this.contest = event.data;
      this.#call("onContest", event.data);
    }
    if (event.event === "rank_update") this.#call("onRank", event.data);
    if (event.event === "reveal") this.#call("onReveal", event.data);
    this.#call("onEvent", event);
  }

  #isNew(board) {
    if (this.board === null) return true;
    if (board.version > this.board.version) return true;
    if (board.version < this.board.version) return false;
    // While Redis is down, the version does not rise with a change of scores. The version of a polled board does not
    // rise either if only its contest changed.
    return JSON.stringify(board) !== JSON.stringify(this.board);
  }

  /** Each connection begins with the contest, and each read of a board has one, also without a clock. */
  #isNewContest(contest) {
    if (this.contest === null) return hasClock(contest);
    return JSON.stringify(contest) !== JSON.stringify(this.contest);
  }

  #present() {
    let level = this.#level;
    while (level !== null && !level.isLive) level = level.lower;
    if (level !== null) {
      const { name } = level.transport;
      return stateOf(name === "polling" ? "polling" : "live", { transport: name });
    }
    const { failure, retryMs } = this.#level;
    const error = this.#errorOfApi();
    if (retryMs === null) return stateOf("connecting", { error });
    return stateOf("waiting", { cause: failure.message, retryMs, error });
  }

  /** The error of the last call of the API, if it failed; the lowest transport makes the most calls. */
  #errorOfApi() {
    let error = null;
    for (let level = this.#level; level !== null; level = level.lower) error = level.failure?.cause ?? error;
    return error;
  }

  #end(error) {
    if (this.#ended !== null) return;
    this.#stop(error);
    this.#show(stateOf("ended", { cause: error.message, error: error.cause ?? null }));
    // Anything else is a fault of this client, which must not go unnoticed.
    if (!(error instanceof WatchEnded)) report(error);
  }

  #stop(error) {
    this.#ended ??= error;
    this.#run.abort();
    this.#stopListening();
    this.#notify();
  }

  #show(state) {
    if (this.#ended !== null && state.kind !== "ended") return;
    if (Object.entries(state).every(([name, value]) => value === this.state[name])) return;
    this.state = state;
    this.#call("onState", state);
  }

  #notify() {
    for (const check of [...this.#waiting]) check();
  }

  /** A handler that throws is reported as uncaught, and the watch continues. */
  #call(name, argument) {
    try {
      this.#handlers[name]?.(argument);
    } catch (error) {
      report(error);
    }
  }
}

function hasClock({ state, opensAt, freezesAt, closesAt }) {
  return state !== "open" || [opensAt, freezesAt, closesAt].some((time) => time !== null);
}

function stateOf(kind, { transport = "", cause = "", retryMs = 0, error = null } = {}) {
  return { kind, transport, cause, retryMs, error };
}

function report(error) {
  setTimeout(() => {
    throw error;
  });
}
