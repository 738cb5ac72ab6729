/** The button that scores: held back while the server would refuse it, and what came of it. */

import { SessionEnded } from "./api.js";
import { countdown } from "./countdown.js";
import { CallFailed, Refusal } from "./http.js";
import { INCREMENT, PointScorer, TOKEN } from "./score.js";
import { formatted } from "./words.js";

const LABEL = "Score a point";

export class ScoreButton {
  #scorer = null;
  #pace = null;
  #on;
  #cancelWait = () => {};
  #button = document.getElementById("score");
  #outcome = document.getElementById("outcome");
  #left = document.getElementById("allowance");

  /** `on.counted` hears of a point that counted, `on.warning` of each warning in a reply. */
  constructor(on) {
    this.#on = on;
    this.#button.addEventListener("click", () => this.#press());
    // A key held down would press it as evenly as a machine.
    this.#button.addEventListener("keydown", (event) => {
      if (event.repeat) event.preventDefault();
    });
  }

  /** Score for this player from now on. */
  begin(api, pace) {
    this.#pace = pace;
    this.#scorer = new PointScorer(api, pace, () => this.#tell("No answer yet, asking again…"));
    this.#tell("");
    this.#left.textContent = "";
    this.#wait(0, false);
  }

  end() {
    this.#cancelWait();
    this.#scorer = null;
  }

  async #press() {
    const scorer = this.#scorer;
    if (this.#button.disabled || scorer === null) return;
    const focused = document.activeElement === this.#button;
    this.#button.disabled = true;
    this.#tell("");
    let waitSeconds = 0;
    try {
      const result = await scorer.score();
      if (scorer !== this.#scorer) return;
      this.#tell("Point counted.");
      this.#heard(result);
      this.#on.counted(result);
      waitSeconds = result.waitSeconds;
    } catch (error) {
      if (!(error instanceof CallFailed || error instanceof SessionEnded)) throw error;
      if (scorer !== this.#scorer) return;
      this.#tell(explanation(error, scorer));
      if (error instanceof Refusal) this.#heard(error);
      waitSeconds = error.waitSeconds ?? 0;
    }
    this.#wait(waitSeconds, focused);
  }

  #heard({ allowance, warning }) {
    if (warning) this.#on.warning(warning.message);
    const { limit, remaining } = allowance;
    this.#left.textContent =
      limit === null ? "" : `${formatted(remaining)} of ${formatted(limit)} left for now`;
  }

  #wait(seconds, focused) {
    this.#cancelWait();
    const paced = this.#pace.waitSeconds(TOKEN, INCREMENT);
    const tick = (left) => {
      this.#button.disabled = true;
      this.#button.textContent = `Ready in ${left} s`;
    };
    this.#cancelWait = countdown(Math.max(seconds, paced), tick, () => {
      this.#button.disabled = false;
      this.#button.textContent = LABEL;
      if (seconds > 0 || paced > 0) this.#tell("");
      // A disabled button loses the keyboard's focus.
      if (focused && document.activeElement === document.body) this.#button.focus();
    });
  }

  #tell(text) {
    this.#outcome.textContent = text;
  }
}

function explanation(error, scorer) {
  if (error instanceof Refusal && error.status === 429) {
    return `You have reached the limit. You can score again in ${Math.ceil(error.waitSeconds)} s.`;
  }
  if (error instanceof Refusal && error.code === "TOKEN_EXPIRED") {
    return "That took too long, and the point did not count. Press again.";
  }
  if (scorer.isOpen) return "No answer. Press again: the same point is settled first.";
  return error.message;
}
