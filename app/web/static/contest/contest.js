/** The contest of a board on the page: its clock, the reveal, and the podium at the end. */

import { text } from "../common/texts.js";
import { ClockBanner } from "./clock-banner.js";
import { ClockTicker } from "./clock-ticker.js";
import { stepText } from "./place.js";
import { Podium } from "./podium.js";
import { CLIMB_MS, RevealStage } from "./reveal-stage.js";

/** The podium waits until the last climb has ended and was visible for a while. */
const PODIUM_AFTER_MS = CLIMB_MS + 3_000;

const ENTERED = {
  scheduled: "clock.now.scheduled",
  open: "clock.now.open",
  frozen: "clock.now.frozen",
  closed: "clock.now.closed",
  final: "clock.now.final",
  archived: "clock.now.archived",
};

export class Contest {
  #ticker;
  #stage;
  #podium;
  #announce;
  #onState;
  #contest = null;
  #standings = [];
  #podiumTimer;
  /** "reveal", "podium" or "" for neither. */
  #part = "";

  /**
   * `elements` are {clock, stage, podium}, `announce(topic, message)` sends a text to screen readers, and
   * `onState(state, contest)` is called when the board's state or times change.
   */
  constructor({ clock, stage, podium }, announce, onState) {
    this.#ticker = new ClockTicker(new ClockBanner(clock), (...change) => this.#enter(...change));
    this.#stage = new RevealStage(stage);
    this.#podium = new Podium(podium);
    this.#announce = announce;
    this.#onState = onState;
  }

  /** Show a contest, from a read or an event, that replaces the one before. */
  show(contest) {
    const before = this.#contest;
    const wasFinal = this.#ticker.state === "final";
    this.#contest = contest;
    this.#ticker.follow(contest);
    this.#onState(this.#ticker.state, contest);
    const [was, is] = [before?.reveal ?? null, contest.reveal];
    if (before === null || !isSame(was, is) || wasFinal !== (this.#ticker.state === "final")) {
      this.#showReveal(isNewStep(before, is), before === null);
    }
  }

  /** Note the board's rows, of which the podium has the first. */
  noteBoard(standings) {
    this.#standings = standings;
    if (this.#part === "podium") this.#show("podium", false);
  }

  #enter(state, before) {
    document.documentElement.dataset.contest = state;
    if (before !== null) this.#announce("clock", text(ENTERED[state]));
    this.#onState(state, this.#contest);
  }

  #showReveal(isNew, isFirst) {
    clearTimeout(this.#podiumTimer);
    const { reveal } = this.#contest;
    const isOver = this.#ticker.state === "final" || reveal?.remaining === 0;
    if (isOver && !isNew) {
      this.#show("podium", !isFirst);
    } else if (reveal === null) {
      this.#show("", false);
    } else {
      this.#show("reveal", false);
      this.#stage.show(reveal, isNew);
      if (isNew) this.#announce("reveal", stepText(reveal.last));
      if (isOver) this.#podiumTimer = setTimeout(() => this.#show("podium", true), PODIUM_AFTER_MS);
    }
  }

  #show(part, isNewPodium) {
    this.#part = part;
    if (part !== "reveal") this.#stage.hide();
    if (part === "podium") this.#podium.show(this.#standings, isNewPodium);
    else this.#podium.hide();
    // A board without rows has no podium, and keeps its layout.
    document.documentElement.dataset.stage = part === "podium" && this.#podium.isHidden ? "" : part;
  }
}

/** Whether a step was made while the page was watching. An undo leads to a step with a lower number. */
function isNewStep(before, reveal) {
  return before !== null && reveal !== null && reveal.number > (before.reveal?.number ?? 0);
}

function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
