/** The list of players that scored last: newest first, each player once. */

import { createData, createElement } from "../common/elements.js";
import { formatAge, formatChange } from "../common/format.js";
import { serverNow } from "../common/server-clock.js";
import { text } from "../common/texts.js";
import { isScore } from "./board-changes.js";

const MAX_ITEMS = 5;
const TOP = 10;
/** Points of one player within this time are added up. */
const COMBINED_MS = 10_000;

export class LatestScores {
  #list;
  #empty;
  #items = [];

  /** `list` receives the items; `empty` is shown while there are none. */
  constructor(list, empty) {
    this.#list = list;
    this.#empty = empty;
    setInterval(() => this.#render(), 1_000);
  }

  /** Add the scores of a board: [{standing, points}], `at` in ms since 1970. */
  add(scored, at) {
    for (const { standing, points } of scored) {
      const { userId } = standing;
      const earlier = this.#items.find((item) => item.userId === userId);
      const isRecent = earlier && !earlier.restored && at - earlier.at < COMBINED_MS;
      const combined = isRecent && points !== null;
      const gained = combined && earlier.gained !== null ? earlier.gained + points : points;
      this.#items = this.#items.filter((item) => item !== earlier);
      this.#items.unshift({ ...standing, gained, at });
    }
    this.#items.length = Math.min(this.#items.length, MAX_ITEMS);
    this.#render();
  }

  /** Fill the list from a ScoreHistory after the page was loaded, until add() has added a score. */
  restore({ since, series }) {
    if (this.#items.some(({ restored }) => !restored)) return;
    const known = series.flatMap((player) => lastScore(player, since) ?? []);
    known.sort((one, other) => other.at - one.at);
    // The history may combine points already, so later points are not added to them.
    this.#items = known.slice(0, MAX_ITEMS).map((item) => ({ ...item, restored: true }));
    this.#render();
  }

  /** Remove the scores of players who left the board `leaderboard` without being overtaken, as by a ban. */
  removeMissing(leaderboard) {
    const before = this.#items.length;
    this.#items = this.#items.filter((item) => !isMissing(item, leaderboard));
    if (this.#items.length < before) this.#render();
  }

  #render() {
    this.#empty.hidden = this.#items.length > 0;
    while (this.#list.children.length > this.#items.length) this.#list.lastElementChild.remove();
    this.#items.forEach(({ displayName, gained, score, at }, index) => {
      const item = this.#list.children[index] ?? this.#list.appendChild(createItem());
      const [name, plus, total, time] = item.children;
      name.textContent = displayName;
      plus.textContent = gained === null ? text("latest.new") : formatChange(gained);
      total.textContent = text("latest.total", { score });
      time.textContent = formatAge(at, serverNow());
      time.dateTime = new Date(at).toISOString();
    });
  }
}

/** Whether a score would be in this top ten if its player still had it. */
function isMissing({ userId, score }, leaderboard) {
  if (leaderboard.some((row) => row.userId === userId)) return false;
  if (leaderboard.length < TOP) return true;
  const [first, last] = [leaderboard[0].score, leaderboard.at(-1).score];
  return first > last ? score > last : score < last && first < last;
}

/** The last score of a player after `since`, when the series begins; undefined if there is none. */
function lastScore({ userId, displayName, points }, since) {
  for (let index = points.length - 1; index > 0; index -= 1) {
    const gained = points[index].score - points[index - 1].score;
    if (isScore(gained)) return { userId, displayName, gained, ...points[index] };
  }
  // A series of one point is of a player that is new on the board, whose earlier scores are not known yet.
  const isFirstAct = points.length > 1 && points[0].at > since;
  return isFirstAct ? { userId, displayName, gained: null, ...points[0] } : undefined;
}

function createItem() {
  const item = createElement("li");
  item.append(
    createData("bdi", "name"),
    createData("span", "gained"),
    createElement("span", "total"),
    createElement("time", "time"),
  );
  return item;
}
