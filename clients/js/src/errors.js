/** The errors that calls and watches throw. */

/** The request did not succeed. */
export class RequestFailed extends Error {
  /** Whether the server may have carried it out. */
  get uncertain() {
    return false;
  }

  /** Seconds until the server accepts the same request, or 0. */
  get waitSeconds() {
    return 0;
  }
}

/** The server replied with an error: decide by `code`. */
export class ApiError extends RequestFailed {
  constructor(status, body, rateLimit) {
    super(body.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.details = body.details ?? {};
    this.warning = body.warning ?? null;
    this.requestId = body.requestId ?? "";
    this.rateLimit = rateLimit;
  }

  get uncertain() {
    return this.status >= 500;
  }

  get waitSeconds() {
    return this.rateLimit.waitSeconds;
  }
}

/** No reply came, or the reply was not the API's JSON. */
export class NoReply extends RequestFailed {
  constructor(cause) {
    super("The server did not reply", { cause });
  }

  get uncertain() {
    return true;
  }
}

/** There is no login, or it has ended; `cause` is the server's refusal, if there was one. */
export class SessionEnded extends Error {
  constructor(cause) {
    super(cause?.message ?? "Log in first", { cause });
  }
}

/** The server does not let this client watch; it must not reconnect on its own. */
export class WatchEnded extends Error {}

/**
 * A call failed, so that not all acts have an answer. `results` are the answers so far, `unanswered` the
 * other acts with their ids: send these again within a day, because acts with the same ids count once.
 * `cause` is the ApiError with which the server refused the call, or the error of the last retry.
 */
export class ScoresUnanswered extends Error {
  constructor(results, unanswered, cause) {
    super(`${unanswered.length} acts were not answered: ${cause.message}`, { cause });
    this.results = results;
    this.unanswered = unanswered;
  }
}
