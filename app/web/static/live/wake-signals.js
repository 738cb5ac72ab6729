/** Reports when a connection may be lost without a close frame: after sleep, or a changed network. */

const TICK_MS = 1_000;
/** A timer that is this late did not run while the machine slept. */
const SLEEP_MS = 4_000;

/** Call `onWake` when the page is visible and a connection of it has to be checked. */
export function listenForWake(onWake) {
  const wake = () => {
    if (!document.hidden) onWake();
  };
  document.addEventListener("visibilitychange", wake);
  for (const event of ["online", "offline"]) addEventListener(event, wake);
  addEventListener("pageshow", ({ persisted }) => {
    // From the back/forward cache. The event of a new page has nothing to check.
    if (persisted) wake();
  });
  let tickedAt = Date.now();
  setInterval(() => {
    const lateMs = Date.now() - tickedAt - TICK_MS;
    tickedAt += lateMs + TICK_MS;
    if (lateMs >= SLEEP_MS) wake();
  }, TICK_MS);
}
