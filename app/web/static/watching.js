/** The page for a projector: nothing to press, live with the token that an operator made. */

import { DisplayToken } from "./display.js";
import { feed } from "./feeding.js";
import { CallFailed } from "./http.js";

const COMMAND = "flask tokens display --days 30";
const MAKE_ONE = "An operator makes one and opens the address that this prints:";
const WITHOUT = `This screen has no display token, so it isn't live. ${MAKE_ONE}`;
const ENDED = `The display token has expired or was revoked. ${MAKE_ONE}`;
const REFUSED =
  "The live connection can't be made. If this lasts, the display token has expired or was revoked. " +
  MAKE_ONE;
const PATIENCE = 2;

export function watch(page) {
  let refusals = 0;
  const token = new DisplayToken(() => stop(ENDED), begin);
  const on = {
    board: () => {},
    live: () => {
      refusals = 0;
      page.notice("");
    },
    unreachable: readMeanwhile,
    banned: () => stop(ENDED),
  };
  const { live, polling, read } = feed(page, token, on, () => "not live");
  begin();

  function begin() {
    live.stop();
    if (!token.present) {
      stop(WITHOUT);
      return;
    }
    page.notice("");
    polling.stop();
    live.start();
  }

  function stop(why) {
    live.stop();
    page.notice(why, COMMAND);
    polling.start();
  }

  // A refused handshake has no status for browser code.
  async function readMeanwhile() {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      console.warn(error.message);
      return;
    }
    refusals += 1;
    if (refusals === PATIENCE) page.notice(REFUSED, COMMAND);
  }
}
