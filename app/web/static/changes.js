/** What a board says of itself, and what is new in it; a board is a list of standings in order. */

const FULL = 10;

/**
 * {scored: [{standing, points}], climbed: Map(userId, places)} from one board to the next.
 *
 * `points` is null for who came onto the board by a point: what they had before isn't known.
 */
export function changesBetween(before, after) {
  const places = new Map(before.map((standing, index) => [standing.userId, index]));
  const present = new Set(after.map(({ userId }) => userId));
  const left = before.filter(({ userId }) => !present.has(userId));
  const scored = [];
  const climbed = new Map();
  after.forEach((standing, index) => {
    const place = places.get(standing.userId);
    if (place === undefined) {
      // Who only moved up because another was taken off the board has less than that one had.
      const pushed = left.some(({ score }) => score < standing.score);
      if (pushed || before.length < FULL) scored.push({ standing, points: null });
      return;
    }
    const points = standing.score - before[place].score;
    if (points > 0) scored.push({ standing, points });
    if (place !== index) climbed.set(standing.userId, place - index);
  });
  return { scored, climbed };
}

/** How far a standing is behind the next place above: {points, rank}; null for who leads. */
export function gapAbove(standings, index) {
  const own = standings[index];
  const next = standings.slice(0, index).findLast(({ rank }) => rank < own.rank);
  return next === undefined ? null : { points: next.score - own.score, rank: next.rank };
}

/** How far the first is ahead of the second on the board; null when nobody is. */
export function lead(standings) {
  return standings.length < 2 ? null : standings[0].score - standings[1].score;
}
