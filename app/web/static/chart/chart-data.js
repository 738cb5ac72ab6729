/** Converts score histories to uPlot's data: one list of times, and one list of scores per colour. */

import { COLOUR_COUNT } from "../common/player-colours.js";

const MIN_RANGE_MS = 60_000;
/** The share of the range that is shown before the first change. */
const LEAD_IN = 0.04;

/**
 * [from, to] in ms since 1970, where `to` is `now`.
 *
 * `from` is a little before the first change of a score, but not before `since`.
 */
export function timeRange(series, since, now) {
  const changes = series.flatMap(({ points }) => points.find(({ score }) => score !== points[0].score)?.at ?? []);
  const first = Math.min(...changes, now - MIN_RANGE_MS);
  return [Math.max(since, first - LEAD_IN * (now - first)), now];
}

/** [lowest, highest] score of the axis, with a margin around the scores of plotData's columns. */
export function scoreRange([, ...columns]) {
  const scores = columns.flat().filter((score) => score !== null);
  const [lowest, highest] = [Math.min(...scores), Math.max(...scores)];
  const margin = Math.max(1, (highest - lowest) / 20);
  return [Math.max(0, Math.floor(lowest - margin)), Math.ceil(highest + margin)];
}

/** Move equal scores of a time apart, each by `distance` from the next, around their true score. */
export function separateEqualScores([times, ...columns], distance) {
  const separated = columns.map((column) => [...column]);
  times.forEach((_, index) => {
    const coloursByScore = new Map();
    columns.forEach((column, colour) => {
      const score = column[index];
      if (score !== null) coloursByScore.set(score, [...(coloursByScore.get(score) ?? []), colour]);
    });
    for (const [score, colours] of coloursByScore) {
      colours.forEach((colour, position) => {
        separated[colour][index] = score + distance * ((colours.length - 1) / 2 - position);
      });
    }
  });
  return [times, ...separated];
}

/**
 * [times in s, scores of colour 0, scores of colour 1, …].
 *
 * A score holds until the next point, so each list has a value at every time from the player's first
 * point on, and null before. The list of a colour without a player has only nulls.
 */
export function plotData(series, colours, [from, to]) {
  const allTimes = series.flatMap(({ points }) => points.map(({ at }) => at));
  const inside = allTimes.filter((at) => from < at && at < to);
  const times = [...new Set([from, ...inside, to])].sort((one, other) => one - other);
  const columns = Array.from({ length: COLOUR_COUNT }, () => new Array(times.length).fill(null));
  for (const { userId, points } of series) {
    const column = columns[colours.indexOf(userId)];
    let next = 0;
    times.forEach((time, index) => {
      while (next < points.length && points[next].at <= time) next += 1;
      if (next > 0) column[index] = points[next - 1].score;
    });
    // The server's clock may be a little ahead, so the last point may be later than `to`.
    column[times.length - 1] = points.at(-1).score;
  }
  return [times.map((time) => time / 1000), ...columns];
}
