/** The player's own corner: name, score, rank, and the button that scores. */

import { CallFailed, Refusal, SessionEnded } from "./api.js";
import { formatted } from "./board.js";
import { countdown } from "./countdown.js";
import { PointScorer } from "./score.js";

const LABEL = "Score a point";
const LEAST_REREAD_MS = 10_000;

export class PlayerPanel {
  #api;
  #userId = null;
  #scorer = null;
  #version = -1;
  #changes = 0;
  #ranked = true;
  #readAt = -Infinity;
  #reading;
  #cancelWait = () => {};
  #name = document.getElementById("player-name");
  #score = document.getElementById("own-score");
  #rank = document.getElementById("own-rank");
  #outcome = document.getElementById("outcome");
  #button = document.getElementById("score");

  constructor(api) {
    this.#api = api;
    this.#button.addEventListener("click", () => this.#scorePoint());
  }

  /** Show this player from now on. */
  begin(userId, username) {
    this.#userId = userId;
    this.#version = -1;
    this.#ranked = true;
    this.#name.textContent = username ?? "";
    this.#score.textContent = "–";
    this.#rank.textContent = "–";
    this.#outcome.textContent = "";
    this.#scorer = new PointScorer(this.#api, () => this.#tell("No answer yet, asking again…"));
    this.#ready();
    this.read();
  }

  /** Nobody is logged in now. */
  end() {
    this.#cancelWait();
    clearTimeout(this.#reading);
    this.#reading = undefined;
    this.#userId = null;
    this.#scorer = null;
  }

  /** Take score and rank from a board; `standing` is this player's line of it, if there is one. */
  follow(version, standing) {
    if (standing === undefined) {
      this.#readSoon();
    } else if (version >= this.#version) {
      this.#version = version;
      this.#show(standing);
    }
  }

  // Below the top ten a board says nothing of one's own rank, which it may have changed.
  #readSoon() {
    if (!this.#ranked) return;
    const delay = Math.max(0, this.#readAt + LEAST_REREAD_MS - performance.now());
    this.#reading ??= setTimeout(() => this.read(), delay);
  }

  /** Ask the API for name, score and rank. */
  async read() {
    clearTimeout(this.#reading);
    this.#reading = undefined;
    this.#readAt = performance.now();
    const changes = this.#changes;
    const userId = this.#userId;
    try {
      const me = await this.#api.me();
      if (userId !== this.#userId) return;
      this.#name.textContent = me.displayName;
      // A reply that set out before the last point arrived would take it back from the screen.
      if (changes === this.#changes) this.#show(me);
    } catch (error) {
      if (!(error instanceof CallFailed || error instanceof SessionEnded)) throw error;
      // The next board asks again, and the connection's state tells of trouble that lasts.
      console.warn(error.message);
    }
  }

  async #scorePoint() {
    const scorer = this.#scorer;
    const focused = document.activeElement === this.#button;
    this.#button.disabled = true;
    this.#tell("");
    let waitSeconds = 0;
    try {
      const result = await scorer.score();
      if (scorer !== this.#scorer) return;
      this.#counted(result);
      waitSeconds = result.waitSeconds;
    } catch (error) {
      if (!(error instanceof CallFailed || error instanceof SessionEnded)) throw error;
      if (scorer !== this.#scorer) return;
      this.#tell(explanation(error, scorer));
      waitSeconds = error.waitSeconds ?? 0;
    }
    this.#wait(waitSeconds, focused);
  }

  #counted({ newScore, newRank, boardVersion }) {
    this.#version = boardVersion ?? this.#version;
    this.#show({ score: newScore, rank: newRank });
    this.#tell("Point counted.");
  }

  #show({ score, rank }) {
    this.#changes += 1;
    this.#ranked = rank !== null;
    this.#score.textContent = formatted(score);
    this.#rank.textContent = rank === null ? "–" : formatted(rank);
  }

  #wait(seconds, focused) {
    this.#cancelWait();
    const tick = (left) => {
      this.#button.disabled = true;
      this.#button.textContent = `Try again in ${left} s`;
    };
    this.#cancelWait = countdown(seconds, tick, () => {
      this.#ready();
      if (seconds > 0) this.#tell("");
      // A disabled button loses the keyboard's focus.
      if (focused && document.activeElement === document.body) this.#button.focus();
    });
  }

  #ready() {
    this.#cancelWait();
    this.#button.disabled = false;
    this.#button.textContent = LABEL;
  }

  #tell(text) {
    this.#outcome.textContent = text;
  }
}

function explanation(error, scorer) {
  if (error instanceof Refusal && error.status === 429) return "You have reached the limit.";
  if (scorer.isOpen) return "No answer. Press again: the same point is settled first.";
  return error.message;
}
