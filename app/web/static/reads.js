/** What everybody may read: the board, and how it came to be. */

import { request } from "./http.js";

/** {version, updatedAt, leaderboard}: the top ten. */
export async function readBoard() {
  return (await request("GET", "/api/leaderboard?limit=10")).body;
}

/** {version, since, until, series: [{userId, displayName, score, points: [{at, score}]}]} */
export async function readHistory() {
  return (await request("GET", "/api/leaderboard/history?limit=10")).body;
}
