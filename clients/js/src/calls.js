/** Sends requests to the HTTP API. */

import { ApiError, NoReply } from "./errors.js";

const TIMEOUT_MS = 10_000;

export class Calls {
  #url;
  #onReply;

  /** `url` is the site's, or "" for the page's own; `onReply` receives the headers of each reply. */
  constructor(url, onReply = () => {}) {
    this.#url = url === "" ? "" : url.replace(/\/*$/, "/");
    this.#onReply = onReply;
  }

  /** The address of a path such as "api/leaderboard". */
  address(path) {
    return this.#url + path;
  }

  /**
   * Send a request and return {body, rateLimit} of a successful reply; throws ApiError or NoReply.
   *
   * `rateLimit` is {limit, remaining, waitSeconds}. `limit` and `remaining` are null if the call has
   * no limit. `waitSeconds` is the time until the server accepts the same call again, or 0.
   */
  async request(method, path, { body, token } = {}) {
    const headers = { Accept: "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
    // Outside of the try: an exception of the call itself is a fault of the caller, not of the connection.
    const reply = fetch(this.address(path), {
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
    this.#onReply(response.headers);
    const rateLimit = rateLimitOf(response);
    if (!response.ok) throw new ApiError(response.status, content ?? {}, rateLimit);
    return { body: content, rateLimit };
  }
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
