/** The calls of a player who is logged in; `scoreboard` has the login. */

import { standingsAddress } from "../common/watched-board.js";

/** The account, with the standing on `main`. */
export function readMe(scoreboard) {
  return scoreboard.call("GET", "api/users/me");
}

/** {version, leaderboard}: the player's row with `span` rows above and below. Empty without a score. */
export function readAroundMe(scoreboard, span) {
  return scoreboard.call("GET", standingsAddress("/around-me", { span }));
}

/** Give the screen that shows this code a display token; for admins. Returns {id, name, expiresAt}. */
export function pairDisplay(scoreboard, fields) {
  return scoreboard.call("POST", "api/admin/displays/pair", fields);
}
