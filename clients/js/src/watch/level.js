/** Keeps a transport connected, and uses the next one while it is not. */

import { sleep } from "../sleep.js";
import { ConnectionFailed } from "./connection-failed.js";

/** The next transport starts if one was lost for this time, or at once if it never worked. */
const FALLBACK_MS = 4_000;
/** After a connection that lasted this long, the delays start again. */
const STABLE_MS = 5_000;
const RETRY_MS = [1_000, 2_000, 4_000];
/** While the event stream works, something in between refuses WebSockets, and may do so for long. */
const BLOCKED_RETRY_MS = 30_000;

export class Level {
  /** The ConnectionFailed of the last attempt, until one works; or null. */
  failure = null;
  /** The delay of the next attempt, while the level waits for it; or null. */
  retryMs = null;
  lower;
  #sink;
  #upper;
  #liveSince = null;
  #failures = 0;
  #pause = null;
  #lowerRun = null;
  #timer;

  /** `sink` has receive(event), levelChanged() and fail(error). The transports: the best one first. */
  constructor([transport, ...others], sink, upper = null) {
    this.transport = transport;
    this.lower = others.length > 0 ? new Level(others, sink, this) : null;
    this.#sink = sink;
    this.#upper = upper;
  }

  get isLive() {
    return this.#liveSince !== null;
  }

  /** Connect again and again until the signal is aborted; without a connection the next level runs. */
  async run(signal, fallbackMs = FALLBACK_MS) {
    this.failure = null;
    this.#failures = 0;
    this.#startLowerAfter(fallbackMs);
    try {
      while (!signal.aborted) {
        this.retryMs = null;
        this.#sink.levelChanged();
        try {
          await this.transport.run(this, signal);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof ConnectionFailed)) throw error;
          await this.#waitAfter(error, signal);
        }
      }
    } catch (error) {
      this.#sink.fail(error);
    } finally {
      this.#liveSince = null;
      this.failure = null;
      this.#stopLower();
    }
  }

  /** The transport works: stop the next one. */
  live() {
    if (this.isLive) return;
    this.#liveSince = performance.now();
    this.failure = null;
    this.#stopLower();
    // If the server is back, the better transports may be too.
    if (this.#failures > 0) this.#upper?.retryNow();
    this.#sink.levelChanged();
  }

  receive(event) {
    this.#sink.receive(event);
  }

  /** Start the next attempt at once, unless the server named a time for it. */
  retryNow() {
    this.#pause?.abort();
    this.#upper?.retryNow();
  }

  /** Check connections, and make due attempts now: the machine may have slept, or the network changed. */
  wake() {
    this.#pause?.abort();
    this.transport.wake();
    if (this.#lowerRun !== null) this.lower.wake();
  }

  async #waitAfter(failure, signal) {
    const { retryMs } = failure;
    const liveSince = this.#liveSince;
    this.#liveSince = null;
    if (liveSince !== null && performance.now() - liveSince >= STABLE_MS) this.#failures = 0;
    this.#startLowerAfter(liveSince === null ? 0 : FALLBACK_MS);
    // Random, so that clients that lost their connections together don't return together.
    const delayMs = retryMs ?? (this.#retryDelayMs() * (1 + Math.random())) / 2;
    this.#failures += 1;
    this.failure = failure;
    this.retryMs = delayMs;
    this.#sink.levelChanged();
    if (signal.aborted) return;
    const pause = new AbortController();
    const end = () => pause.abort();
    signal.addEventListener("abort", end);
    if (retryMs === null) this.#pause = pause;
    await sleep(delayMs, pause.signal);
    this.#pause = null;
    signal.removeEventListener("abort", end);
  }

  #retryDelayMs() {
    // The lowest transport, polling, shows only that the API works, not the broadcaster.
    const hasStreamBelow = this.lower !== null && this.lower.lower !== null;
    if (hasStreamBelow && this.lower.isLive) return BLOCKED_RETRY_MS;
    return RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
  }

  #startLowerAfter(milliseconds) {
    if (this.lower === null || this.#lowerRun !== null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#lowerRun = new AbortController();
      // The levels share the time until one has to work, where each attempt is unanswered.
      this.lower.run(this.#lowerRun.signal, FALLBACK_MS - milliseconds);
    }, milliseconds);
  }

  #stopLower() {
    clearTimeout(this.#timer);
    this.#lowerRun?.abort();
    this.#lowerRun = null;
  }
}
