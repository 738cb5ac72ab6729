/** The player's own corner: name, score, place and neighbours, and the button that scores. */

import { SessionEnded } from "./api.js";
import { CallFailed } from "./http.js";
import { Neighbours } from "./neighbours.js";
import { Pace } from "./pace.js";
import { ScoreButton } from "./score-button.js";
import { formatted, ordinal } from "./words.js";

const SPAN = 2;
const FULL = 10;
const LEAST_REREAD_MS = 10_000;
const FLAGGED = "Your requests looked automated: your limits are halved for a while.";

export class PlayerPanel {
  #api;
  #rules;
  #announce;
  #userId = null;
  #version = -1;
  #changes = 0;
  #rankShown = null;
  #score = null;
  #readAt = -Infinity;
  #reading;
  #button = new ScoreButton({
    counted: (result) => this.#counted(result),
    warning: (message) => this.#warn(message),
  });
  #neighbours = new Neighbours(
    document.getElementById("around"),
    document.getElementById("neighbours"),
  );
  #elements = Object.fromEntries(
    ["player-name", "own-score", "own-rank", "warning"].map((id) => [id, document.getElementById(id)]),
  );

  /** `rules` are {attempts, seconds}: how many of one kind are no cheating; `announce` speaks. */
  constructor(api, rules, announce) {
    this.#api = api;
    this.#rules = rules;
    this.#announce = announce;
  }

  /** Show this player from now on. */
  begin(userId, username) {
    this.#userId = userId;
    this.#version = -1;
    this.#rankShown = null;
    this.#score = null;
    this.#put("player-name", username ?? "");
    this.#put("own-score", "–");
    this.#put("own-rank", "–");
    this.#warn("");
    this.#neighbours.show([], userId);
    this.#button.begin(this.#api, new Pace(userId, this.#rules.attempts, this.#rules.seconds));
    this.#meet();
  }

  /** Nobody is logged in now. */
  end() {
    this.#button.end();
    clearTimeout(this.#reading);
    this.#reading = undefined;
    this.#userId = null;
  }

  /** Take score, place and neighbours from a board, as far as they are on it. */
  follow(version, standings) {
    const index = standings.findIndex(({ userId }) => userId === this.#userId);
    const whole = standings.length < FULL || (index >= 0 && index + SPAN < FULL);
    if (index >= 0 && version >= this.#version) {
      this.#version = version;
      this.#show(standings[index]);
      if (whole) this.#showNeighbours(standings, index);
    }
    // Beyond the top ten a board says nothing of places, which it may have changed all the same.
    if (!whole && this.#score !== 0) this.#readSoon();
  }

  /** Ask the API for the player's place and neighbours. */
  async read() {
    clearTimeout(this.#reading);
    this.#reading = undefined;
    this.#readAt = performance.now();
    const changes = this.#changes;
    await this.#ask(() => this.#api.neighbours(), ({ leaderboard }) => {
      const index = leaderboard.findIndex(({ userId }) => userId === this.#userId);
      // A reply that set out before the last point arrived would take it back from the screen.
      if (index < 0 || changes !== this.#changes) return;
      this.#show(leaderboard[index]);
      this.#showNeighbours(leaderboard, index);
    });
  }

  async #meet() {
    const changes = this.#changes;
    await this.#ask(() => this.#api.me(), (me) => {
      this.#put("player-name", me.displayName);
      if (me.status === "flagged") this.#warn(FLAGGED);
      if (changes === this.#changes) this.#show(me);
      if (me.rank !== null) this.read();
    });
  }

  async #ask(call, use) {
    const userId = this.#userId;
    try {
      const answer = await call();
      if (userId === this.#userId) use(answer);
    } catch (error) {
      if (!(error instanceof CallFailed || error instanceof SessionEnded)) throw error;
      // The next board asks again, and the connection's state tells of trouble that lasts.
      console.warn(error.message);
    }
  }

  #readSoon() {
    const delay = Math.max(0, this.#readAt + LEAST_REREAD_MS - performance.now());
    this.#reading ??= setTimeout(() => this.read(), delay);
  }

  #counted({ newScore, newRank, boardVersion }) {
    this.#version = Math.max(this.#version, boardVersion ?? 0);
    this.#show({ score: newScore, rank: newRank });
    // One more is on its way as a frame if it is on the board; else only the API knows.
    if (newRank + SPAN >= FULL) this.read();
  }

  #show({ score, rank }) {
    this.#changes += 1;
    if (rank !== null && this.#rankShown !== null && rank !== this.#rankShown) {
      this.#announce(`You are ${ordinal(rank)} now.`);
    }
    this.#rankShown = rank;
    this.#score = score;
    this.#put("own-score", formatted(score));
    this.#put("own-rank", rank === null ? "–" : ordinal(rank));
  }

  #showNeighbours(standings, index) {
    const around = standings.slice(Math.max(0, index - SPAN), index + SPAN + 1);
    this.#neighbours.show(around, this.#userId);
  }

  #warn(message) {
    this.#put("warning", message);
    this.#elements.warning.hidden = message === "";
  }

  #put(id, text) {
    this.#elements[id].textContent = text;
  }
}
