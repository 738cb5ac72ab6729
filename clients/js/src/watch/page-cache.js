/** Reports when a page enters a browser's back/forward cache, in which its scripts stand still, and when it returns. */

/** Call `onEnter` when the page may enter the cache, and `onReturn` after it. Returns a function that ends it. */
export function listenForCache(onEnter, onReturn) {
  if (globalThis.document === undefined) return () => {};
  const hide = ({ persisted }) => persisted && onEnter();
  // The event of a new page follows none of its own.
  const show = ({ persisted }) => persisted && onReturn();
  addEventListener("pagehide", hide);
  addEventListener("pageshow", show);
  return () => {
    removeEventListener("pagehide", hide);
    removeEventListener("pageshow", show);
  };
}
