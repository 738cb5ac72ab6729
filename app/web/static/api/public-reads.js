/** The reads that need no login: the board, its pages and its history, and the search for players. */

import { historyAddress, standingsAddress } from "../common/watched-board.js";

import { calls } from "./site.js";

/** {leaderboard}: the top ten of a period that is over. */
export function readPastBoard() {
  return read(standingsAddress("", { limit: 10 }));
}

/** The end of the present period of this kind; not for `main` of all time, which has none. */
export async function readPeriodEnd() {
  return (await read(standingsAddress("", { limit: 1 }))).endsAt;
}

/** {version, leaderboard, previous, next}: a page; `query` has the limit, and a cursor as `after` or `before`. */
export function readStandings(query) {
  return read(standingsAddress("", query));
}

/** {version, leaderboard, more}: players whose username or display name begins with a text. */
export function searchPlayers(username, limit) {
  return read(`api/leaderboard/search?${new URLSearchParams({ username, limit })}`);
}

/** {version, since, until, series: [{userId, displayName, score, points: [{at, score}]}]} */
export function readHistory() {
  return read(historyAddress());
}

async function read(address) {
  return (await calls.request("GET", address)).body;
}
