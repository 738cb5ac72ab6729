/** Sends one request to the API, and the errors that it can end with. */

import { learnServerTime } from "../common/server-clock.js";
import { hasText, text } from "../common/texts.js";

import { banNotice } from "./ban-notice.js";

const TIMEOUT_MS = 10_000;

/** The request did not succeed; `message` is a text for the user. */
export class RequestFailed extends Error {}

/** The server replied with an error: its status, code, and `details` by field. */
export class ErrorReply extends RequestFailed {
  constructor(status, body, rateLimit) {
    super(messageOf(status, body));
    this.status = status;
    this.code = body.code;
    this.details = body.details ?? {};
    this.warning = body.warning ?? null;
    this.rateLimit = rateLimit;
  }

  get waitSeconds() {
    return this.rateLimit.waitSeconds;
  }
}

/** No reply came, or the reply was not the API's JSON. */
export class NoReply extends RequestFailed {
  constructor(cause) {
    super(text("errors.NO_REPLY"), { cause });
  }
}

/** Whether the server may have carried out the request although it failed here. */
export function isUncertain(error) {
  return error instanceof NoReply || (error instanceof ErrorReply && error.status >= 500);
}

/**
 * Send a request and return {body, rateLimit} of a successful reply.
 *
 * `rateLimit` is {limit, remaining, waitSeconds}. `limit` and `remaining` are null if the call has
 * no limit. `waitSeconds` is the time until the server accepts the same call again, or 0.
 * Throws ErrorReply or NoReply.
 */
export async function request(method, path, { body, token } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
  // Outside of the try: an exception of the call itself is a fault of the page, not of the connection.
  const reply = fetch(path, {
    method,
    headers,
    body: body && JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    signal: timeout.signal,
  });
  let response;
  let content;
  try {
    response = await reply;
    content = response.status === 204 ? null : await response.json();
  } catch (error) {
    throw new NoReply(error);
  } finally {
    clearTimeout(timer);
  }
  learnServerTime(response.headers.get("Date"));
  const rateLimit = rateLimitOf(response);
  if (!response.ok) throw new ErrorReply(response.status, content ?? {}, rateLimit);
  return { body: content, rateLimit };
}

// The server's own message is English. It is shown for codes of later versions only.
function messageOf(status, { code, message, details }) {
  if (code === "USER_BANNED") {
    const { key, values } = banNotice(details);
    return text(key, values);
  }
  const key = `errors.${code}`;
  return hasText(key) ? text(key) : (message ?? `HTTP ${status}`);
}

function rateLimitOf({ headers }) {
  const number = (name) => (headers.has(name) ? Number(headers.get(name)) : null);
  const remaining = number("X-RateLimit-Remaining");
  let waitSeconds = number("Retry-After") ?? 0;
  if (waitSeconds === 0 && remaining === 0) {
    // Both times are from the server's clock; the clock of this machine may be wrong.
    const now = Date.parse(headers.get("Date")) / 1000;
    waitSeconds = Math.max(0, number("X-RateLimit-Reset") - now);
  }
  return { limit: number("X-RateLimit-Limit"), remaining, waitSeconds };
}
