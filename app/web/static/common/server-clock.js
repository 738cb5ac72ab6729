/**
 * The current time by the server's clock.
 *
 * Times in boards come from the server, and the clock of the viewer's machine may be wrong.
 */

const TOLERANCE_MS = 2_000;

let offsetMs = 0;

/** Learn the server's time from a reply's Date header, which has a resolution of one second. */
export function learnServerTime(dateHeader) {
  const difference = Date.parse(dateHeader) + 500 - Date.now();
  if (Number.isFinite(difference)) offsetMs = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
}

/** The current time by the server's clock, in ms since 1970. */
export function serverNow() {
  return Date.now() + offsetMs;
}
