/** Shows the last step of a reveal: the player, the climb, what remains, and the next player. */

import { animationsWanted } from "../board/row-animation.js";
import { formatNumber } from "../common/format.js";
import { countUp } from "./count-up.js";
import { Ladder } from "./ladder.js";
import { gainText, rankText, remainingText } from "./place.js";

export const CLIMB_MS = 2_400;

export class RevealStage {
  #section;
  #parts;
  #ladder;
  #endCount = () => {};

  /** `section` has elements of the classes stage-name and so on (contest.html). */
  constructor(section) {
    this.#section = section;
    const names = ["left", "name", "from", "to", "score", "gain", "next", "next-rank", "next-name", "next-score"];
    this.#parts = Object.fromEntries(names.map((name) => [name, section.querySelector(`.stage-${name}`)]));
    this.#ladder = new Ladder(section.querySelector(".ladder"));
  }

  hide() {
    this.#endCount();
    this.#section.hidden = true;
  }

  /** Show the step as it has ended, or, if it was just made, how the player climbs. */
  show({ last, next, remaining }, isNew) {
    this.#endCount();
    this.#section.hidden = false;
    const animated = isNew && animationsWanted();
    this.#section.dataset.direction = directionOf(last);
    this.#set("left", remainingText(remaining));
    this.#set("name", last.displayName);
    this.#set("from", rankText(last.fromRank));
    this.#set("to", rankText(last.toRank));
    this.#set("gain", gainText(last));
    this.#set("score", numberText(last.toScore));
    this.#showNext(next);
    const climber = this.#ladder.show(last);
    if (!animated) return;
    this.#restart("data-new");
    this.#ladder.animate(last, CLIMB_MS);
    if (last.toScore === null) return;
    const totals = [this.#parts.score, ...(climber === null ? [] : [climber.total])];
    this.#endCount = countUp(totals, last.fromScore ?? 0, last.toScore, CLIMB_MS);
  }

  #showNext(next) {
    this.#parts.next.hidden = next === null;
    if (next === null) return;
    this.#set("next-rank", numberText(next.rank));
    this.#set("next-name", next.displayName);
    this.#set("next-score", numberText(next.score));
  }

  #set(name, content) {
    this.#parts[name].textContent = content;
  }

  /** Start the animations of styles that the attribute selects. */
  #restart(attribute) {
    this.#section.removeAttribute(attribute);
    void this.#section.offsetWidth; // A reflow without the attribute, or they do not restart.
    this.#section.setAttribute(attribute, "");
  }
}

/** A rank or score, or a dash for a player without one. */
function numberText(number) {
  return number === null ? "–" : formatNumber(number);
}

function directionOf({ fromRank, toRank }) {
  if (fromRank === toRank) return "none";
  if (toRank === null) return "down";
  return fromRank === null || toRank < fromRank ? "up" : "down";
}
