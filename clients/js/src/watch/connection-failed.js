/** The connection ended or could not be opened; `retryMs` is when the server wants the next attempt, or null. */
export class ConnectionFailed extends Error {
  constructor(cause, retryMs = null) {
    super(cause);
    this.retryMs = retryMs;
  }
}
