/** The page for a projector (`/?display`): no controls, live with a display token. */

import { RequestFailed } from "../api/http-request.js";
import { text } from "../common/texts.js";
import { createBoardFeed } from "../live/board-feed.js";
import { DisplayPairing } from "./display-pairing.js";
import { DisplayToken } from "./display-token.js";

const TOKEN_ENDED = "display.tokenEnded";
const REFUSALS_BEFORE_NOTICE = 2;

export function startDisplayPage(page) {
  let refusals = 0;
  let reason = "";
  const pairing = new DisplayPairing((code) => page.showNotice(text(reason), code), connectWith);
  const token = new DisplayToken(() => stop(TOKEN_ENDED), start);
  const { socket, poller, readOnce } = createBoardFeed(page, token, () => "connection.notLive", {
    onBoard: () => {},
    onLive: () => {
      refusals = 0;
      pairing.stop();
      page.showNotice("");
    },
    onUnreachable: readWhileUnreachable,
    onBanned: () => stop(TOKEN_ENDED),
  });
  start();

  function start() {
    socket.stop();
    if (!token.present) {
      stop("display.notPaired");
      return;
    }
    pairing.stop();
    page.showNotice("");
    poller.stop();
    socket.start();
  }

  function connectWith(displayToken) {
    token.accept(displayToken);
    start();
  }

  function stop(why) {
    socket.stop();
    askForPairing(why);
    poller.start();
  }

  function askForPairing(why) {
    reason = why;
    pairing.start();
  }

  // A script can't see the status of a refused handshake. If the API replies, the server is up, so
  // a refusal that repeats is probably about the token.
  async function readWhileUnreachable() {
    try {
      await readOnce();
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      console.warn(error.message);
      return;
    }
    refusals += 1;
    if (refusals === REFUSALS_BEFORE_NOTICE) askForPairing("display.refused");
  }
}
