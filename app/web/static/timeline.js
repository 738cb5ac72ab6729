/** The history as uPlot takes it: one list of times for all, and a list of scores for each colour. */

import { COLOURS } from "./colours.js";

const SHORTEST_MS = 60_000;
const LEAD_IN = 0.04;

/** [from, to] in ms: from a little before the first change, or from `since` on without one, to now. */
export function span(series, since, now) {
  const changes = series.flatMap(({ points }) => points.find(({ score }) => score !== points[0].score)?.at ?? []);
  const first = Math.min(...changes, now - SHORTEST_MS);
  return [Math.max(since, first - LEAD_IN * (now - first)), now];
}

/**
 * [times in s, scores of colour 0, scores of colour 1, …]; null where nobody has that colour.
 *
 * A score holds until the next: each list has a value at every time from its first point on.
 */
export function aligned(series, colours, [from, to]) {
  const moments = series.flatMap(({ points }) => points.map(({ at }) => at));
  const inside = moments.filter((at) => from < at && at < to);
  const times = [...new Set([from, ...inside, to])].sort((one, other) => one - other);
  const columns = Array.from({ length: COLOURS }, () => new Array(times.length).fill(null));
  for (const { userId, points } of series) {
    const column = columns[colours.of(userId)];
    let next = 0;
    times.forEach((time, index) => {
      while (next < points.length && points[next].at <= time) next += 1;
      if (next > 0) column[index] = points[next - 1].score;
    });
    // What came by a clock a little ahead of ours belongs to now.
    column[times.length - 1] = points.at(-1).score;
  }
  return [times.map((time) => time / 1000), ...columns];
}
