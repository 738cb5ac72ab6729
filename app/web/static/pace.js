/**
 * Keeps a player's attempts below what the server would take for cheating.
 *
 * Remembered for all tabs of this browser, over reloads too: the server counts them all.
 */

const MARGIN_MS = 1_000;

export class Pace {
  #userId;
  #most;
  #windowMs;

  /** The server tolerates `attempts` of one kind within `seconds`; here it is one less. */
  constructor(userId, attempts, seconds) {
    this.#userId = userId;
    this.#most = Math.max(1, attempts - 1);
    // Two requests can arrive closer together than they set out.
    this.#windowMs = seconds * 1_000 + MARGIN_MS;
  }

  /** Seconds until an attempt of any of these kinds may be made. */
  waitSeconds(...kinds) {
    return Math.max(...kinds.map((kind) => this.#waitMs(kind))) / 1_000;
  }

  /** Return once an attempt of that kind may be made, and count it. */
  async turn(kind) {
    while (this.#waitMs(kind) > 0) await pause(this.#waitMs(kind));
    localStorage.setItem(this.#key(kind), JSON.stringify([...this.#recent(kind), Date.now()]));
  }

  #waitMs(kind) {
    const counting = this.#recent(kind).slice(-this.#most);
    return counting.length < this.#most ? 0 : counting[0] + this.#windowMs - Date.now();
  }

  #recent(kind) {
    const now = Date.now();
    const times = JSON.parse(localStorage.getItem(this.#key(kind)) ?? "[]");
    // Times to come are left from before this machine's clock was set back.
    return times.filter((time) => now - this.#windowMs < time && time <= now);
  }

  #key(kind) {
    return `attempts:${this.#userId}:${kind}`;
  }
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
