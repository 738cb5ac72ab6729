/** The text for a banned player: {key, values}. */

import { text } from "../common/texts.js";

/** The reason that the server gives for each ban by a fraud rule. */
const AUTOMATIC_BAN = "automatic-check";

/** `details` of a USER_BANNED reply or of the last frame before a ban closed the WebSocket. */
export function banNotice(details) {
  if (details?.bannedAt === undefined) return { key: "session.banned" };
  const since = new Date(details.bannedAt);
  const until = details.until === null ? null : new Date(details.until);
  if (!details.reason) {
    return until === null
      ? { key: "session.bannedSince", values: { since } }
      : { key: "session.bannedUntil", values: { since, until } };
  }
  const reason = details.reason === AUTOMATIC_BAN ? text("session.automaticCheck") : details.reason;
  return until === null
    ? { key: "session.bannedSinceFor", values: { since, reason } }
    : { key: "session.bannedUntilFor", values: { since, until, reason } };
}
