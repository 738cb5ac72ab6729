/** What the page tells a banned player: {key, values} of a text. */

/** `details` of a USER_BANNED reply or of the last frame before a ban closed the WebSocket. */
export function banNotice(details) {
  if (details?.bannedAt === undefined) return { key: "session.banned" };
  const since = new Date(details.bannedAt);
  if (details.until === null) return { key: "session.bannedSince", values: { since } };
  return { key: "session.bannedUntil", values: { since, until: new Date(details.until) } };
}
