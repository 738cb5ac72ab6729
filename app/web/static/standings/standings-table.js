/** The rows of the standings: a plain table. */

import { createData, createElement } from "../common/elements.js";
import { formatNumber } from "../common/format.js";

/** Show these standings in a table's body; the row of the player `ownId` is marked. */
export function showRows(body, standings, ownId) {
  body.replaceChildren(...standings.map((standing) => createRow(standing, standing.userId === ownId)));
}

function createRow({ rank, displayName, username, score }, isOwn) {
  const row = createElement("tr", isOwn ? "own" : "");
  const name = createData("bdi", "name");
  name.textContent = displayName;
  const player = createElement("th", "player-cell");
  player.scope = "row";
  player.append(name);
  if (username !== displayName) {
    const small = createData("small", "username");
    small.textContent = `@${username}`;
    player.append(" ", small);
  }
  row.append(createNumber("rank-cell", rank), player, createNumber("score-cell", score));
  return row;
}

function createNumber(className, number) {
  const cell = createData("td", className);
  cell.textContent = formatNumber(number);
  return cell;
}
