/**
 * The tabs of this browser that have the same session. A browser copies a hidden tab's tokens when
 * it duplicates or restores the tab, and a refresh token is replaced when one of the tabs uses it.
 */

const NAME = "session";
const ANSWER_MS = 200;
/** A renewal takes less; a tab that holds the lock for longer has stopped. */
const LOCK_WAIT_MS = 15_000;

export class SessionTabs {
  #handlers;
  #channel = null;
  #onAnswer = () => {};

  /**
   * Handlers: `current` returns this tab's login or null, `onLogin` receives another tab's login,
   * and `onEnd` the notice with which another tab ended the session.
   */
  constructor(handlers) {
    this.#handlers = handlers;
    if (!("BroadcastChannel" in globalThis)) return;
    try {
      this.#open();
    } catch (error) {
      // Firefox has no channels where site data is blocked. No tab can be a copy of this one there.
      if (error.name !== "SecurityError") throw error;
      return;
    }
    // Browsers don't store a page with an open channel for the back button.
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", () => this.#open());
  }

  /** Give the other tabs of the session this login. */
  announce(login) {
    this.#channel?.postMessage({ kind: "login", sessionId: sessionIdOf(login), login });
  }

  /** Tell the other tabs of the session that it has ended. */
  announceEnd(login, notice) {
    this.#channel?.postMessage({ kind: "end", sessionId: sessionIdOf(login), notice });
  }

  /** Have the other tabs of the session give their login; waits for the first of them. */
  ask(login) {
    if (this.#channel === null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
      setTimeout(resolve, ANSWER_MS);
      this.#channel.postMessage({ kind: "question", sessionId: sessionIdOf(login) });
    });
  }

  /** Run the task while no other tab runs one. */
  async alone(task) {
    // Pages without TLS have no locks. Then two tabs may use the same token within the grace.
    if (navigator.locks === undefined) return task();
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), LOCK_WAIT_MS);
    let started = false;
    const run = () => {
      started = true;
      clearTimeout(timer);
      return task();
    };
    try {
      return await navigator.locks.request(NAME, { signal: waiting.signal }, run);
    } catch (error) {
      // The wait has ended, or the browser denies locks because site data is blocked.
      if (!started) return task();
      throw error;
    }
  }

  #open() {
    if (this.#channel !== null) return;
    this.#channel = new BroadcastChannel(NAME);
    this.#channel.onmessage = ({ data }) => this.#receive(data);
  }

  #close() {
    this.#channel?.close();
    this.#channel = null;
  }

  #receive({ kind, login, sessionId, notice }) {
    const own = this.#handlers.current();
    if (own === null || sessionIdOf(own) !== sessionId) return;
    if (kind === "question") this.announce(own);
    else if (kind === "end") this.#handlers.onEnd(notice);
    else {
      this.#handlers.onLogin(login);
      this.#onAnswer();
    }
  }
}

/** The id of a login's session, which all of its tokens contain (`sid`). */
function sessionIdOf({ refreshToken }) {
  try {
    return JSON.parse(atob(refreshToken.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sid;
  } catch {
    // Not a token of the server, from a storage that anything may have written to.
    return null;
  }
}
