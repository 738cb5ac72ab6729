/** This site's scoreboard, by the client of clients/js. */

import { Calls } from "../client/calls.js";
import { Scoreboard } from "../client/scoreboard.js";
import { learnServerTime } from "../common/server-clock.js";

const onReply = (headers) => learnServerTime(headers.get("Date"));

/** For calls without a login. */
export const calls = new Calls("", onReply);

/** The scoreboard for a `session` or a `token`, or with neither for a viewer. */
export function openScoreboard(access = {}) {
  return new Scoreboard("", { websocketUrl: websocketUrl(), onReply, ...access });
}

function websocketUrl() {
  const { websocketUrl: url, broadcasterPort } = document.body.dataset;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  if (url.startsWith("/")) return `${scheme}://${location.host}${url}`;
  return url || `${scheme}://${location.hostname}:${broadcasterPort}/ws`;
}
