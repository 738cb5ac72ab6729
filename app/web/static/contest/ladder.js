/** The rows around a revealed player. The player's row lifts off, climbs, and the rows that it passes move down. */

import { isBetter } from "../board/board-changes.js";
import { createData, createElement } from "../common/elements.js";
import { formatNumber } from "../common/format.js";

/** Parts of the climb of `durationMs`: the row is lifted until the first one, and set down from the second one on. */
const LIFTED_AT = 0.2;
const ARRIVED_AT = 0.82;
const EASING = "cubic-bezier(0.45, 0, 0.2, 1)";

export class Ladder {
  #list;

  constructor(list) {
    this.#list = list;
  }

  /** Show the rows as they are after the step; returns the player's part, or null without a place. */
  show({ userId, rows }) {
    const items = rows.map((row) => createItem(row, row.userId === userId));
    this.#list.replaceChildren(...items.map(({ element }) => element));
    this.#list.hidden = rows.length === 0;
    return items.find(({ element }) => element.classList.contains("climber")) ?? null;
  }

  /** Animate from the rows before the step to those that show() has shown. */
  animate(move, durationMs) {
    const { userId, rows } = move;
    const elements = [...this.#list.children];
    const after = rows.findIndex((row) => row.userId === userId);
    if (after < 0) return;
    const before = indexBefore(move);
    const height = elements.length < 2 ? 0 : elements[1].offsetTop - elements[0].offsetTop;
    const rises = before > after;
    const timing = { duration: durationMs, easing: "linear" };
    showRankUntilEnd(elements[after].animate(climb((before - after) * height, rises), timing), move.fromRank);
    // The rows between the two places make room by one row.
    const [first, last] = rises ? [after + 1, before] : [before, after - 1];
    for (let index = first; index <= last; index += 1) {
      const animation = elements[index].animate(makeRoom(rises ? -height : height), timing);
      showRankUntilEnd(animation, rankBefore(rows[index], move, rises));
    }
  }
}

/** Where the player's row stood among these rows, by the score before the step. */
function indexBefore({ userId, fromScore, rows }) {
  const others = rows.filter((row) => row.userId !== userId);
  if (fromScore === null) return others.length;
  return others.filter(({ score }) => score === fromScore || isBetter(score, fromScore)).length;
}

/** The rank of a row before the player passed it; players with equal scores share a rank. */
function rankBefore({ rank, score }, { fromScore, toScore }, rises) {
  if (rises) return isBetter(toScore, score) ? rank - 1 : rank;
  return isBetter(fromScore, score) ? rank + 1 : rank;
}

/** Show another rank until the row has arrived; null for none. */
function showRankUntilEnd(animation, rank) {
  const element = animation.effect.target.querySelector(".rank");
  const { textContent } = element;
  element.textContent = rank === null ? "" : formatNumber(rank);
  animation.onfinish = () => {
    element.textContent = textContent;
  };
}

function climb(distance, rises) {
  const lifted = { scale: 1.03, shadow: "rgb(0 0 0 / 35%) 0 0.75rem 1.75rem" };
  const flat = { scale: 1, shadow: "rgb(0 0 0 / 0%) 0 0 0" };
  const frame = (offset, y, { scale, shadow }) => ({
    offset,
    transform: `${shift(y)} scale(${scale})`,
    boxShadow: shadow,
    zIndex: rises ? 2 : 1,
    easing: EASING,
  });
  return [
    frame(0, distance, flat),
    frame(LIFTED_AT, distance, lifted),
    frame(ARRIVED_AT, 0, lifted),
    frame(1, 0, flat),
  ];
}

function shift(y) {
  return `translateY(${y}px)`;
}

function makeRoom(distance) {
  const frame = (offset, y) => ({ offset, transform: shift(y), easing: EASING });
  return [frame(0, distance), frame(LIFTED_AT, distance), frame(ARRIVED_AT, 0), frame(1, 0)];
}

function createItem({ rank, displayName, score }, isClimber) {
  const element = createElement("li", "stage-row");
  element.classList.toggle("climber", isClimber);
  const parts = {
    rank: createData("span", "rank"),
    name: createData("bdi", "name"),
    total: createData("span", "total"),
  };
  parts.rank.textContent = formatNumber(rank);
  parts.name.textContent = displayName;
  parts.total.textContent = formatNumber(score);
  element.append(...Object.values(parts));
  return { element, ...parts };
}
