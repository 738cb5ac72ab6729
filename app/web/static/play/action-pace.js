/**
 * Limits how fast a player's page acts, so that the server's fraud rule does not flag the player.
 *
 * The attempts are stored for all tabs of this browser and survive a reload, because the server
 * counts the attempts of all tabs together.
 */

import { sleep } from "../client/sleep.js";
import { browserStorage } from "../common/json-storage.js";

const WINDOW_MARGIN_MS = 1_000;
const MAX_PAUSE_MS = 3_600_000;

export class ActionPace {
  #userId;
  #maxAttempts;
  #windowMs;

  /** The server tolerates `attempts` of one kind within `seconds`; the page makes one less. */
  constructor(userId, attempts, seconds) {
    this.#userId = userId;
    this.#maxAttempts = Math.max(1, attempts - 1);
    // Two requests may arrive closer together than they were sent.
    this.#windowMs = seconds * 1_000 + WINDOW_MARGIN_MS;
  }

  /** Seconds until an attempt of each of these kinds is allowed; 0 or less if it is now. */
  waitSeconds(...kinds) {
    return Math.max(this.#pausedMs(), ...kinds.map((kind) => this.#waitMs(kind))) / 1_000;
  }

  /** Allow no attempt for this time, because the rate limit is used up. */
  pause(seconds) {
    browserStorage.write(this.#pauseKey, Date.now() + seconds * 1_000);
  }

  /** Wait until an attempt of this kind is allowed, and record it. */
  async waitForTurn(kind) {
    while (this.#waitMs(kind) > 0) await sleep(this.#waitMs(kind));
    browserStorage.write(this.#key(kind), [...this.#recentAttempts(kind), Date.now()]);
  }

  #pausedMs() {
    const until = browserStorage.read(this.#pauseKey, Number.isFinite) ?? 0;
    // A longer pause was stored before the clock of this machine was set back.
    return until - Date.now() <= MAX_PAUSE_MS ? until - Date.now() : 0;
  }

  get #pauseKey() {
    return `paused:${this.#userId}`;
  }

  #waitMs(kind) {
    const attempts = this.#recentAttempts(kind).slice(-this.#maxAttempts);
    return attempts.length < this.#maxAttempts ? 0 : attempts[0] + this.#windowMs - Date.now();
  }

  #recentAttempts(kind) {
    const now = Date.now();
    const times = browserStorage.read(this.#key(kind), Array.isArray) ?? [];
    // Times in the future were stored before the clock of this machine was set back.
    return times.filter((time) => now - this.#windowMs < time && time <= now);
  }

  #key(kind) {
    return `attempts:${this.#userId}:${kind}`;
  }
}
