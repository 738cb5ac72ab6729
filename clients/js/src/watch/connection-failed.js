/**
 * The connection ended or could not be opened. `retryMs` is the delay that the server named for the next
 * attempt, or null; `cause` the error of a call of the API that failed, if that was the reason.
 */
export class ConnectionFailed extends Error {
  constructor(reason, retryMs = null, cause = null) {
    super(reason, { cause });
    this.retryMs = retryMs;
  }
}
