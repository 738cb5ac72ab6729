/** The reads that need no login: the board, its pages and its history, and the search for players. */

import { historyAddress, standingsAddress } from "../common/watched-board.js";
import { request } from "./http-request.js";

/** {version, updatedAt, leaderboard}: the top ten. A board other than `main` has no `updatedAt` here. */
export async function readBoard() {
  return (await request("GET", standingsAddress("", { limit: 10 }))).body;
}

/** The end of the present period of this kind; not for `main` of all time, which has none. */
export async function readPeriodEnd() {
  return (await request("GET", standingsAddress("", { limit: 1 }))).body.endsAt;
}

/** {version, leaderboard, previous, next}: a page; `query` has the limit, and a cursor as `after` or `before`. */
export async function readStandings(query) {
  return (await request("GET", standingsAddress("", query))).body;
}

/** {version, leaderboard, more}: players whose username begins with a text. */
export async function searchPlayers(username, limit) {
  return (await request("GET", `api/leaderboard/search?${new URLSearchParams({ username, limit })}`)).body;
}

/** {version, since, until, series: [{userId, displayName, score, points: [{at, score}]}]} */
export async function readHistory() {
  return (await request("GET", historyAddress())).body;
}
