/** The page's texts for calls that failed. The errors' own messages are English. */

import { ApiError, SessionEnded } from "../client/errors.js";
import { hasText, text } from "../common/texts.js";

import { banNotice } from "./ban-notice.js";

/** The text of a RequestFailed or a SessionEnded. */
export function explain(error) {
  if (error instanceof SessionEnded) return text("errors.AUTH_REQUIRED");
  if (!(error instanceof ApiError)) return text("errors.NO_REPLY");
  if (error.code === "USER_BANNED") {
    const { key, values } = banNotice(error.details);
    return text(key, values);
  }
  const key = `errors.${error.code}`;
  // The server's own message, which has no full stop, is shown for codes of later versions only.
  return hasText(key) ? text(key) : `${error.message}.`;
}
