/** The contest on a board without controls: the clock, and the last step of a reveal in one line. */

import { text } from "../common/texts.js";
import { ClockBanner } from "./clock-banner.js";
import { ClockTicker } from "./clock-ticker.js";
import { gainText, rankText, remainingText } from "./place.js";

export class ContestLine {
  #ticker;
  #line;

  /** `clock` is the element of a ClockBanner, `line` shows the step. */
  constructor(clock, line) {
    this.#ticker = new ClockTicker(new ClockBanner(clock));
    this.#line = line;
  }

  /** Show a contest that replaces the one before. */
  show(contest) {
    this.#ticker.follow(contest);
    const { reveal } = contest;
    this.#line.hidden = reveal === null;
    if (reveal === null) return;
    const { last, remaining } = reveal;
    const [from, to] = [rankText(last.fromRank), rankText(last.toRank)];
    const values = { name: last.displayName, from, to, gain: gainText(last) };
    const step = from === to ? text("reveal.lineSameRank", values) : text("reveal.line", values);
    // Written only if it changed, because a live region reads each new content.
    const content = `${step} · ${remainingText(remaining)}`;
    if (this.#line.textContent !== content) this.#line.textContent = content;
  }
}
