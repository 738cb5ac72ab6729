/** Reports when a connection may be lost without a close frame: after sleep, or a changed network. */

const TICK_MS = 1_000;
/** A timer that is this late did not run while the machine slept. */
const SLEEP_MS = 4_000;

/** Whether this is a page that its reader does not see. */
export function isHidden() {
  return globalThis.document?.hidden === true;
}

/**
 * Call `onWake` when connections have to be checked: in a page only while it is visible, which it may
 * just have become. Returns a function that ends it.
 */
export function listenForWake(onWake) {
  const wake = () => {
    if (!isHidden()) onWake();
  };
  let tickedAt = Date.now();
  const ticks = setInterval(() => {
    const lateMs = Date.now() - tickedAt - TICK_MS;
    tickedAt += lateMs + TICK_MS;
    if (lateMs >= SLEEP_MS) wake();
  }, TICK_MS);
  if (globalThis.document === undefined) return () => clearInterval(ticks);
  document.addEventListener("visibilitychange", wake);
  for (const event of ["online", "offline"]) addEventListener(event, wake);
  return () => {
    clearInterval(ticks);
    document.removeEventListener("visibilitychange", wake);
    for (const event of ["online", "offline"]) removeEventListener(event, wake);
  };
}
