/** Loads the page of the next period when the one that it shows is over. */

import { readPeriodEnd } from "../api/public-reads.js";
import { RequestFailed } from "../client/errors.js";
import { serverNow } from "../common/server-clock.js";
import { WATCHED } from "../common/watched-board.js";

/** Shorter than most periods, as the server's time may not be known yet, and the machine may sleep. */
const LONGEST_WAIT_MS = 60_000;
const MIN_WAIT_MS = 5_000;
/** The reads and reloads of all screens are spread over this time. */
const JITTER_MS = 5_000;

/** Load the page of the next period as soon as the server says that this one is over. */
export function reloadAtEnd() {
  if (WATCHED.endsAt === null) return;
  const leftMs = Math.max(Date.parse(WATCHED.endsAt) - serverNow(), MIN_WAIT_MS);
  if (leftMs > LONGEST_WAIT_MS) setTimeout(reloadAtEnd, LONGEST_WAIT_MS);
  else setTimeout(reloadIfOver, leftMs + Math.random() * JITTER_MS);
}

// The viewer's clock may be wrong, and a page that is loaded while the server is down is lost.
async function reloadIfOver() {
  try {
    if (Date.parse(await readPeriodEnd()) > Date.parse(WATCHED.endsAt)) {
      location.reload();
      return;
    }
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    console.warn(`The period's end can't be read: ${error.message}`);
  }
  reloadAtEnd();
}
