/** Shows how the page receives its board: in the header, and to screen readers. */

import { explain } from "../api/error-texts.js";
import { RequestFailed } from "../client/errors.js";
import { countdown } from "../common/countdown.js";
import { text } from "../common/texts.js";

const POLL_SECONDS = 2;

export class StateDisplay {
  #status;
  #announce;
  #onRestored;
  #isLost = false;
  #cancelCountdown = () => {};

  /**
   * `status` is a ConnectionStatus, `announce(message)` sends a text to screen readers, and `onRestored` is
   * called when a lost connection is live again, as the page may have missed boards.
   */
  constructor(status, announce, onRestored) {
    this.#status = status;
    this.#announce = announce;
    this.#onRestored = onRestored;
  }

  /** Show a state of a BoardFeed. */
  show({ kind, transport, retryMs, error }) {
    this.#cancelCountdown();
    if (kind === "live") {
      this.#status.show("live", text("connection.live"), transport);
      this.#restored();
    } else if (kind === "polling") {
      this.#status.show("polling", text("connection.polling", { seconds: POLL_SECONDS }), transport);
    } else if (kind === "past") {
      this.#status.show("off", text("connection.past"));
    } else if (kind === "ended") {
      this.#status.show("off", explain(error));
    } else if (error instanceof RequestFailed) {
      this.#status.show("waiting", text("connection.failed", { problem: explain(error) }));
    } else {
      if (kind === "waiting") this.#lost();
      this.#cancelCountdown = countdown(
        retryMs / 1000,
        (seconds) => this.#status.show("waiting", text("connection.reconnecting", { seconds })),
        () => this.#status.show("waiting", text("connection.connecting")),
      );
    }
  }

  #lost() {
    if (!this.#status.isLive) return;
    this.#isLost = true;
    this.#announce(text("connection.lost"));
  }

  #restored() {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#announce(text("connection.restored"));
    this.#onRestored();
  }
}
