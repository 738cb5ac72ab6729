/** The list of the players around the logged-in player, with the distance in points to each. */

import { createData, createElement } from "../common/elements.js";
import { formatNumber } from "../common/format.js";
import { text } from "../common/texts.js";
import { WATCHED } from "../common/watched-board.js";

export class AroundYou {
  #box;
  #list;

  /** `box` contains `list` and is hidden while there are no other players to show. */
  constructor(box, list) {
    this.#box = box;
    this.#list = list;
  }

  /** Show these standings, in order, with distances from the player `userId`. */
  show(standings, userId) {
    const own = standings.find((standing) => standing.userId === userId);
    this.#box.hidden = own === undefined || standings.length < 2;
    if (this.#box.hidden) return;
    this.#list.replaceChildren(
      ...standings.map((standing) => {
        const isOwn = standing.userId === userId;
        return createItem(standing, isOwn ? text("around.you") : formatDistance(standing.score - own.score), isOwn);
      }),
    );
  }
}

function formatDistance(points) {
  if (points === 0) return text("around.level");
  if (WATCHED.better === "low") {
    const key = points < 0 ? "around.aheadLow" : "around.behindLow";
    return text(key, { difference: Math.abs(points) });
  }
  return points > 0 ? text("around.ahead", { count: points }) : text("around.behind", { count: -points });
}

function createItem({ rank, displayName }, distance, isOwn) {
  const item = createElement("li", isOwn ? "own" : "");
  for (const [part, content] of [
    [createData("span", "rank"), formatNumber(rank)],
    [createData("bdi", "name"), displayName],
    [createElement("span", "distance"), distance],
  ]) {
    part.textContent = content;
    item.append(part);
  }
  return item;
}
