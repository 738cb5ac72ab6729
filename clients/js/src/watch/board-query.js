/** How a board is named at the API and at the broadcaster. */

const MAIN = "main";
const ROWS = 10;

/** The path of the top ten, or of what `parameters` select; a null period is the board's first. */
export function boardPath(board, period, parameters = { limit: ROWS }) {
  const query = new URLSearchParams(parameters);
  if (isMain(board, period)) return `api/leaderboard?${query}`;
  if (period !== null) query.set("period", period);
  return `${settingsPath(board)}/leaderboard?${query}`;
}

/** The path of a board's rules and clock. */
export function settingsPath(board) {
  return `api/boards/${encodeURIComponent(board)}`;
}

/** The fields that select a board at the broadcaster, and that its frames carry; none for `main` of all time. */
export function boardQuery(board, period) {
  if (isMain(board, period)) return {};
  return period === null ? { board } : { board, period };
}

function isMain(board, period) {
  return board === MAIN && (period === null || period === "all");
}
