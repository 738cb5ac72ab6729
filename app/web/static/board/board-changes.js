/** Compares boards. A board is a list of standings in order. */

import { WATCHED } from "../common/watched-board.js";

const BOARD_ROWS = 10;

/**
 * {scored: [{standing, points}], moved: Map(userId, ranks)} from one board to the next.
 *
 * `points` is null for a player that scored and came onto the board, because the earlier score is
 * not known. `ranks` is positive for a player that rose and negative for a player that fell.
 */
export function changesBetween(before, after) {
  const indexBefore = new Map(before.map((standing, index) => [standing.userId, index]));
  const present = new Set(after.map(({ userId }) => userId));
  const removed = before.filter(({ userId }) => !present.has(userId));
  const scored = [];
  const moved = new Map();
  after.forEach((standing, index) => {
    const earlier = indexBefore.get(standing.userId);
    if (earlier === undefined) {
      // A new row has either overtaken a player, or filled the row of a player that was taken off
      // the board (a ban). In the second case its score is below that player's.
      const overtook = removed.some(({ score }) => isBetter(standing.score, score));
      if (overtook || before.length < BOARD_ROWS) scored.push({ standing, points: null });
      return;
    }
    const points = standing.score - before[earlier].score;
    if (isScore(points)) scored.push({ standing, points });
    if (earlier !== index) moved.set(standing.userId, earlier - index);
  });
  return { scored, moved };
}

/** Whether a player's act, and not a moderator's, changes a score by these points. */
export function isScore(points) {
  // On `main` only a moderator lowers a score. On other boards a new time or a new try may.
  return WATCHED.board === "main" ? points > 0 : points !== 0;
}

/** {points, rank}: how far a standing is behind the next higher rank; null for the first rank. */
export function gapAbove(standings, index) {
  const own = standings[index];
  const next = standings.slice(0, index).reverse().find(({ rank }) => rank < own.rank);
  return next === undefined ? null : { points: Math.abs(next.score - own.score), rank: next.rank };
}

/** How many points the first row is ahead of the second; null if there is no second row. */
export function lead(standings) {
  return standings.length < 2 ? null : Math.abs(standings[0].score - standings[1].score);
}

/** A score and the leader's, the smaller as a share of the larger, so that the leader has 1. */
export function shareOf(score, leaders) {
  if (score === leaders) return 1;
  if (score * leaders <= 0) return 0;
  const sizes = [Math.abs(score), Math.abs(leaders)];
  return Math.min(...sizes) / Math.max(...sizes);
}

/** Whether the first score is the better one on this board. */
export function isBetter(score, other) {
  return WATCHED.better === "low" ? score < other : score > other;
}
