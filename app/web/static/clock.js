/** The server's time of day: the board is dated by its clock, and this machine's may be wrong. */

const TOLERATED_MS = 2_000;

let offset = 0;

/** Set the clock by a reply's Date header, which tells whole seconds. */
export function learnServerTime(date) {
  const difference = Date.parse(date) + 500 - Date.now();
  if (Number.isFinite(difference)) offset = Math.abs(difference) > TOLERATED_MS ? difference : 0;
}

/** Now by the server's clock, in ms since 1970. */
export function serverNow() {
  return Date.now() + offset;
}
