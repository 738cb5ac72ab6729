/** The REST API: one method a call; access tokens are renewed on the way. */

const TIMEOUT_MS = 10_000;

/** A call that didn't do what was asked. */
export class CallFailed extends Error {}

/** The server said no: its status, code, message, and `details` by field. */
export class Refusal extends CallFailed {
  constructor(status, body, waitSeconds) {
    super(body.message ?? body.error ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code;
    this.details = body.details ?? {};
    this.waitSeconds = waitSeconds;
  }
}

/** Nothing came back, or nothing that the API would say. */
export class NoAnswer extends CallFailed {
  constructor(cause) {
    super("The server can't be reached", { cause });
  }
}

/** Nobody is logged in any more; the session has told why. */
export class SessionEnded extends Error {
  constructor() {
    super("Please log in");
  }
}

/** Whether the request may have done its work although it seems to have failed. */
export function isUncertain(error) {
  return error instanceof NoAnswer || (error instanceof Refusal && error.status >= 500);
}

export class Api {
  #session;
  #renewal = null;

  constructor(session) {
    this.#session = session;
  }

  async register(fields) {
    this.#session.begin((await request("POST", "/api/auth/register", { body: fields })).body);
  }

  async logIn(fields) {
    this.#session.begin((await request("POST", "/api/auth/login", { body: fields })).body);
  }

  /** End the session here in any case, and on the server if it answers. */
  async logOut() {
    try {
      await this.#authorized("POST", "/api/auth/logout");
      this.#session.end("You are logged out.");
    } catch {
      this.#session.end("You are logged out here; the server could not be told.");
    }
  }

  async me() {
    return (await this.#authorized("GET", "/api/users/me")).body;
  }

  async leaderboard() {
    return (await request("GET", "/api/leaderboard?limit=10")).body;
  }

  /** {body: {actionToken, expiresIn}, waitSeconds} */
  actionToken() {
    return this.#authorized("POST", "/api/actions/token");
  }

  /** {body: {newScore, newRank, boardVersion}, waitSeconds} */
  increment(actionToken) {
    return this.#authorized("POST", "/api/scores/increment", { actionToken });
  }

  /** An access token that is good for a while yet. */
  async freshAccessToken() {
    if (!this.#session.active) throw new SessionEnded();
    if (this.#session.renewalInMs <= 0) await this.renew();
    if (!this.#session.active) throw new SessionEnded();
    return this.#session.accessToken;
  }

  /** Exchange the refresh token, once for all who ask meanwhile. */
  renew() {
    this.#renewal ??= this.#exchange().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #exchange() {
    const spent = this.#session.refreshToken;
    if (spent === null) throw new SessionEnded();
    try {
      const { body } = await request("POST", "/api/auth/refresh", { body: { refreshToken: spent } });
      this.#session.renew(spent, body);
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  async #authorized(method, path, body) {
    const token = await this.freshAccessToken();
    try {
      return await request(method, path, { body, token });
    } catch (error) {
      if (error.code !== "AUTH_INVALID") throw this.#endIfOver(error);
    }
    // The server's clock or keys say otherwise than ours: once more with a new token.
    await this.renew();
    try {
      return await request(method, path, { body, token: await this.freshAccessToken() });
    } catch (error) {
      throw this.#endIfOver(error);
    }
  }

  #endIfOver(error) {
    if (!(error instanceof Refusal)) return error;
    if (error.code === "USER_BANNED") this.#session.end("This account is banned.");
    else if (error.status === 401) this.#session.end("Your session has ended. Please log in again.");
    else return error;
    return new SessionEnded();
  }
}

async function request(method, path, { body, token } = {}) {
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
  const waitSeconds = secondsToWait(response);
  if (!response.ok) throw new Refusal(response.status, content, waitSeconds);
  return { body: content, waitSeconds };
}

/** Until the server will hear the same call again; 0 when it will now. */
function secondsToWait({ headers }) {
  const retryAfter = Number(headers.get("Retry-After"));
  if (retryAfter > 0) return retryAfter;
  if (headers.get("X-RateLimit-Remaining") !== "0") return 0;
  // Both are the server's clock; this machine's may be wrong.
  const now = Date.parse(headers.get("Date")) / 1000;
  return Math.max(0, Number(headers.get("X-RateLimit-Reset")) - now);
}
