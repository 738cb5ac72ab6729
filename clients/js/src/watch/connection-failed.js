/**
 * The connection ended or could not be opened. `retryMs` is when the server wants the next attempt, or null;
 * `cause` the error of a call of the API that failed, if that was the reason.
 */
export class ConnectionFailed extends Error {
  constructor(reason, retryMs = null, cause = null) {
    super(reason, { cause });
    this.retryMs = retryMs;
  }
}
