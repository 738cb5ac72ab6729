/** The button that scores a point, and the text with the result. Disabled while a limit applies. */

import { explain } from "../api/error-texts.js";
import { ApiError, NoReply, RequestFailed, SessionEnded } from "../client/errors.js";
import { INCREMENT, PointScorer, TOKEN } from "../client/point-scorer.js";
import { countdown } from "../common/countdown.js";
import { serverNow } from "../common/server-clock.js";
import { text } from "../common/texts.js";
import { WATCHED } from "../common/watched-board.js";

export class ScoreButton {
  #scorer = null;
  #pace = null;
  #handlers;
  #cancelWait = () => {};
  #unreachable = false;
  /** {label, reason} while the board takes no points; else null. */
  #refusal = null;
  #button = document.getElementById("score");
  #outcome = document.getElementById("outcome");
  #rateLimit = document.getElementById("rate-limit");

  /** Handlers: `onCounted(result)` after a counted point, `onFlagged()` if the reply says so. */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#button.addEventListener("click", () => this.#press());
    // A key that is held down would press the button at even intervals, which looks automated.
    this.#button.addEventListener("keydown", (event) => {
      if (event.repeat) event.preventDefault();
    });
  }

  /** Score points with the login of this scoreboard, at this ActionPace, from now on. */
  begin(scoreboard, pace) {
    this.#pace = pace;
    this.#scorer = new PointScorer((...request) => scoreboard.request(...request), {
      board: WATCHED.board,
      waitForTurn: (kind) => pace.waitForTurn(kind),
      onRetry: () => this.#showOutcome(text("scoring.retrying")),
    });
    this.#showOutcome("");
    this.#rateLimit.textContent = "";
    this.#enableAfter(0, false);
  }

  /** The server is reachable again: hide the result of a press that got no reply. */
  clearUnreachable() {
    if (this.#unreachable) this.#showOutcome("");
  }

  /** Disable the button while the board takes no points; `state` and `contest` as Contest reports them. */
  setBoard(state, contest) {
    const before = this.#refusal;
    this.#refusal = refusalOf(state, contest);
    if (this.#scorer === null || before?.reason === this.#refusal?.reason) return;
    if (this.#refusal !== null) {
      this.#showRefusal();
    } else {
      this.#showOutcome("");
      this.#enableAfter(0, false);
    }
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
    this.#showOutcome("");
    let waitSeconds = 0;
    try {
      const result = await scorer.score();
      if (scorer !== this.#scorer) return;
      this.#showOutcome(text("scoring.counted"));
      this.#showLimit(result);
      this.#handlers.onCounted(result);
      waitSeconds = result.waitSeconds;
    } catch (error) {
      if (!(error instanceof RequestFailed || error instanceof SessionEnded)) throw error;
      if (scorer !== this.#scorer) return;
      this.#showOutcome(explanation(error, scorer));
      this.#unreachable = error instanceof NoReply && !scorer.hasUnsettledPoint;
      if (error instanceof ApiError) this.#showLimit(error);
      waitSeconds = error.waitSeconds ?? 0;
    }
    this.#pace.pause(waitSeconds);
    this.#enableAfter(waitSeconds, focused);
  }

  #showLimit({ rateLimit, warning }) {
    if (warning) this.#handlers.onFlagged();
    const { limit, remaining } = rateLimit;
    this.#rateLimit.textContent =
      limit === null ? "" : text("scoring.remaining", { remaining, limit });
  }

  #enableAfter(seconds, focused) {
    this.#cancelWait();
    const paceSeconds = this.#pace.waitSeconds(TOKEN, INCREMENT);
    const showSeconds = (left) => {
      this.#button.disabled = true;
      this.#button.textContent = text("scoring.readyIn", { seconds: left });
    };
    this.#cancelWait = countdown(Math.max(seconds, paceSeconds), showSeconds, () => {
      if (this.#refusal !== null) {
        this.#showRefusal();
        return;
      }
      this.#button.disabled = false;
      this.#button.textContent = text("scoring.button");
      if (seconds > 0 || paceSeconds > 0) this.#showOutcome("");
      // A button that is disabled loses the keyboard focus.
      if (focused && document.activeElement === document.body) this.#button.focus();
    });
  }

  #showRefusal() {
    this.#cancelWait();
    this.#button.disabled = true;
    this.#button.textContent = this.#refusal.label;
    this.#showOutcome(this.#refusal.reason);
  }

  #showOutcome(message) {
    this.#unreachable = false;
    this.#outcome.textContent = message;
  }
}

function refusalOf(state, contest) {
  if (state === "open" || state === "frozen") return null;
  if (state === "scheduled") return { label: text("scoring.notOpen"), reason: notOpenText(contest) };
  if (state === "archived") return { label: text("clock.state.archived"), reason: text("scoring.archived") };
  return { label: text("clock.state.closed"), reason: text("scoring.closed") };
}

/** When the board opens, or that it is closed, by its times. */
function notOpenText({ opensAt }) {
  const opens = opensAt ? new Date(opensAt) : null;
  return opens !== null && opens > serverNow() ? text("scoring.opensAt", { time: opens }) : text("scoring.closed");
}

function explanation(error, scorer) {
  if (error instanceof ApiError && error.status === 429) {
    return text("scoring.limit"); // The button counts the seconds down.
  }
  if (error instanceof ApiError && error.code === "TOKEN_EXPIRED") {
    return text("scoring.expired");
  }
  if (error instanceof ApiError && error.code === "BOARD_NOT_OPEN") return notOpenText(error.details);
  if (scorer.hasUnsettledPoint) return text("scoring.unsettled");
  if (error instanceof NoReply) return text("scoring.unreachable");
  return explain(error);
}
