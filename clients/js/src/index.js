/** Watches and scores on a Live Scoreboard, in browsers and in Node. */

export { ApiError, NoReply, RequestFailed, ScoresUnanswered, SessionEnded, WatchEnded } from "./errors.js";
export { Scoreboard } from "./scoreboard.js";
export { Service } from "./service.js";
export { Session } from "./session.js";
export { newId } from "./uuid7.js";
export { Watch } from "./watch/watch.js";
