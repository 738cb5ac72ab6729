/** One request to the API, and what can become of it. */

import { learnServerTime } from "./clock.js";

const TIMEOUT_MS = 10_000;

/** A call that didn't do what was asked. */
export class CallFailed extends Error {}

/** The server said no: its status, code, message, and `details` by field. */
export class Refusal extends CallFailed {
  constructor(status, body, allowance) {
    super(body.message ?? body.error ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code;
    this.details = body.details ?? {};
    this.warning = body.warning ?? null;
    this.allowance = allowance;
  }

  get waitSeconds() {
    return this.allowance.waitSeconds;
  }
}

/** Nothing came back, or nothing that the API would say. */
export class NoAnswer extends CallFailed {
  constructor(cause) {
    super("The server can't be reached", { cause });
  }
}

/** Whether the request may have done its work although it seems to have failed. */
export function isUncertain(error) {
  return error instanceof NoAnswer || (error instanceof Refusal && error.status >= 500);
}

/**
 * {body, allowance} of a call that was done.
 *
 * `allowance` is {limit, remaining, waitSeconds}: what is left of the call's limit (null where
 * there is none), and how long until the server will hear the same call again; 0 when it will now.
 * Throws Refusal or NoAnswer.
 */
export async function request(method, path, { body, token } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  let content;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    content = response.status === 204 ? null : await response.json();
  } catch (error) {
    throw new NoAnswer(error);
  }
  learnServerTime(response.headers.get("Date"));
  const allowance = allowanceOf(response);
  if (!response.ok) throw new Refusal(response.status, content, allowance);
  return { body: content, allowance };
}

function allowanceOf({ headers }) {
  const number = (name) => (headers.has(name) ? Number(headers.get(name)) : null);
  const remaining = number("X-RateLimit-Remaining");
  let waitSeconds = number("Retry-After") ?? 0;
  if (waitSeconds === 0 && remaining === 0) {
    // Both are the server's clock; this machine's may be wrong.
    const now = Date.parse(headers.get("Date")) / 1000;
    waitSeconds = Math.max(0, number("X-RateLimit-Reset") - now);
  }
  return { limit: number("X-RateLimit-Limit"), remaining, waitSeconds };
}
