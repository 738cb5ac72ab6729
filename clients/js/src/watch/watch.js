/** Watches a board over the best transport that works, and keeps its newest version. */

import { WatchEnded } from "../errors.js";
import { boardPath, boardQuery } from "./board-query.js";
import { BoardSocket } from "./board-socket.js";
import { EventStream } from "./event-stream.js";
import { Level } from "./level.js";
import { Polling } from "./polling.js";
import { listenForWake } from "./wake-signals.js";

export class Watch {
  /** The newest board, or null before the first. */
  board = null;
  /** {kind, transport, cause, retryMs}: how the board is received. */
  state = { kind: "connecting", transport: "", cause: "", retryMs: 0 };
  #handlers;
  #run = new AbortController();
  #level;
  #stopListening;
  #ended = null;
  #waiting = new Set();

  /** `credentials` may be null; `address` is a BroadcasterAddress. Handlers as of Scoreboard.watch. */
  constructor({ calls, address, credentials, board, period }, handlers) {
    this.#handlers = handlers;
    const query = boardQuery(board, period);
    const transports = [new EventStream(address, query), new Polling(calls, boardPath(board, period))];
    if (credentials !== null) {
      transports.unshift(new BoardSocket(address, query, credentials, handlers.onRank !== undefined));
    }
    this.#level = new Level(transports, {
      receive: (event) => this.#receive(event),
      levelChanged: () => this.#show(this.#present()),
      fail: (error) => this.#end(error),
    });
    this.#stopListening = listenForWake(() => this.#level.wake());
    // Not before the caller has got this object.
    queueMicrotask(() => this.#level.run(this.#run.signal));
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

  #receive(event) {
    if (this.#ended !== null) return;
    if (event.event === "leaderboard_update") {
      if (!this.#isNew(event.data)) return;
      this.board = event.data;
      this.#call("onBoard", event.data);
      this.#notify();
    }
    if (event.event === "rank_update") this.#call("onRank", event.data);
    if (event.event === "reveal") this.#call("onReveal", event.data);
    this.#call("onEvent", event);
  }

  #isNew(board) {
    if (this.board === null) return true;
    if (board.version !== undefined) return !(board.version <= this.board.version);
    return JSON.stringify(board.leaderboard) !== JSON.stringify(this.board.leaderboard);
  }

  #present() {
    let level = this.#level;
    while (level !== null && !level.isLive) level = level.lower;
    if (level !== null) {
      const { name } = level.transport;
      return { kind: name === "polling" ? "polling" : "live", transport: name, cause: "", retryMs: 0 };
    }
    const { cause, retryMs } = this.#level;
    if (cause === "") return { kind: "connecting", transport: "", cause: "", retryMs: 0 };
    return { kind: "waiting", transport: "", cause, retryMs };
  }

  #end(error) {
    if (this.#ended !== null) return;
    this.#stop(error);
    this.#show({ kind: "ended", transport: "", cause: error.message, retryMs: 0 });
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
    const { kind, transport, cause, retryMs } = this.state;
    if (this.#ended !== null && state.kind !== "ended") return;
    if (state.kind === kind && state.transport === transport && state.cause === cause && state.retryMs === retryMs) {
      return;
    }
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

function report(error) {
  setTimeout(() => {
    throw error;
  });
}
