/** The line with the state of the board, the time until the state changes, and what the state means. */

import { text } from "../common/texts.js";
import { isHidden, nextMoment, splitTime } from "./contest-clock.js";

const LABELS = {
  scheduled: "clock.state.scheduled",
  open: "clock.state.open",
  frozen: "clock.state.frozen",
  closed: "clock.state.closed",
  final: "clock.state.final",
  archived: "clock.state.archived",
};
const MEANINGS = {
  frozen: "clock.meaning.frozen",
  closed: "clock.meaning.closed",
  final: "clock.meaning.final",
  archived: "clock.meaning.archived",
};
const MOMENTS = { opens: "clock.opensIn", freezes: "clock.freezesIn", closes: "clock.closesIn" };

export class ClockBanner {
  #element;
  #label;
  #lead;
  #left;
  #detail;

  /** `element` has elements of the classes clock-label, clock-lead, clock-left and clock-detail. */
  constructor(element) {
    this.#element = element;
    const part = (name) => element.querySelector(`.clock-${name}`);
    this.#label = part("label");
    this.#lead = part("lead");
    this.#left = part("left");
    this.#detail = part("detail");
  }

  /** Show the clock of a contest that is in this state at `now`. Hidden while the board is open and has no end. */
  show(contest, state, now) {
    const moment = nextMoment(contest, state, now);
    this.#element.hidden = state === "open" && moment === null;
    this.#element.dataset.state = state;
    this.#label.textContent = text(LABELS[state]);
    this.#lead.textContent = moment === null ? "" : text(MOMENTS[moment.name]);
    this.#left.textContent = moment === null ? "" : formatLeft(moment.at - now);
    this.#detail.textContent = detailOf(contest, state, now);
  }
}

function formatLeft(milliseconds) {
  const { days, time } = splitTime(milliseconds);
  return days === 0 ? time : text("clock.days", { count: days, time });
}

function detailOf(contest, state, now) {
  if (state === "scheduled") return text("clock.opensAt", { time: new Date(contest.opensAt) });
  if (state === "closed" && isHidden(contest, now)) return text("clock.hidden");
  if (state !== "open") return text(MEANINGS[state]);
  const freezes = contest.freezesAt !== null && Date.parse(contest.freezesAt) > now;
  return freezes ? text("clock.freezesAt", { time: new Date(contest.freezesAt) }) : "";
}
