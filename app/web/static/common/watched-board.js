/** The board and period that the page shows, from the server: {board, period, at, endsAt, better, scoredByPlayers}. */

export const WATCHED = JSON.parse(document.getElementById("watched").textContent);

/** The board of a page without parameters, which alone has a search. */
export const IS_MAIN = WATCHED.board === "main" && WATCHED.period === "all";

/** `at` is a moment in a period that is over, whose board does not change. */
export const IS_PAST = WATCHED.at !== null;

/** Whether the board may have times: `main` is always open. */
export const HAS_CLOCK = WATCHED.board !== "main" && !IS_PAST;

/** The address of the leaders' scores over time. */
export function historyAddress() {
  if (IS_MAIN) return "api/leaderboard/history?limit=10";
  return `api/boards/${WATCHED.board}/history?${new URLSearchParams({ period: WATCHED.period, limit: 10 })}`;
}

/** The address of the board's standings in this period; `path` such as "/around-me" names another view. */
export function standingsAddress(path, query) {
  if (IS_MAIN) return `api/leaderboard${path}?${new URLSearchParams(query)}`;
  const { board, period, at } = WATCHED;
  const parameters = new URLSearchParams({ ...query, period, ...(IS_PAST ? { at } : {}) });
  return `api/boards/${board}/leaderboard${path}?${parameters}`;
}
