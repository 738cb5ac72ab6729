/** The reads that need no login: the board, its pages and its history, and the search for players. */

import { request } from "./http-request.js";

/** {version, updatedAt, leaderboard}: the top ten. */
export async function readBoard() {
  return (await request("GET", "api/leaderboard?limit=10")).body;
}

/** {version, leaderboard, previous, next}: a page; `query` has the limit, and a cursor as `after` or `before`. */
export async function readStandings(query) {
  return (await request("GET", `api/leaderboard?${new URLSearchParams(query)}`)).body;
}

/** {version, leaderboard, more}: players whose username begins with a text. */
export async function searchPlayers(username, limit) {
  return (await request("GET", `api/leaderboard/search?${new URLSearchParams({ username, limit })}`)).body;
}

/** {version, since, until, series: [{userId, displayName, score, points: [{at, score}]}]} */
export async function readHistory() {
  return (await request("GET", "api/leaderboard/history?limit=10")).body;
}
