/** Loads the page of the next period when the one that it shows is over. */

import { serverNow } from "./server-clock.js";
import { WATCHED } from "./watched-board.js";

const RELOAD_JITTER_MS = 5_000;
/** setTimeout can't wait longer than 2^31 ms. */
const MAX_TIMER_MS = 86_400_000;

/** Load the page of the next period when this one is over, not from all screens at once. */
export function reloadAtEnd() {
  if (WATCHED.endsAt === null) return;
  const leftMs = Date.parse(WATCHED.endsAt) - serverNow() + Math.random() * RELOAD_JITTER_MS;
  if (leftMs > MAX_TIMER_MS) setTimeout(reloadAtEnd, MAX_TIMER_MS);
  else setTimeout(() => location.reload(), Math.max(leftMs, RELOAD_JITTER_MS));
}
