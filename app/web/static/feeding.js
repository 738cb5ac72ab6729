/** The board's ways onto the page: the WebSocket, or reading again and again without one. */

import { LiveFeed } from "./live.js";
import { Polling } from "./polling.js";
import { readBoard } from "./reads.js";

const POLL_SECONDS = 2;

/**
 * {live, polling, read} for a page; `credentials` open the WebSocket, `read` shows the board once.
 *
 * `on.board` hears of each board that was shown, `on.unreachable` of each failed attempt to
 * connect, `on.live` of each that did, `on.banned` of a ban; `why` says why it is only polled.
 */
export function feed(page, credentials, on, why) {
  const { connection } = page;
  const live = new LiveFeed(websocketUrl(), credentials, {
    board: shown,
    state: showState,
    unreachable: on.unreachable,
    banned: on.banned,
  });
  const polling = new Polling(poll, POLL_SECONDS, ({ message }) => {
    connection.show("waiting", `${message}, trying again`);
  });
  return { live, polling, read };

  function shown(board) {
    if (page.showBoard(board)) on.board(board);
  }

  async function read() {
    shown(await readBoard());
  }

  async function poll() {
    await read();
    if (polling.running) connection.show("polling", `${why()} – refreshed every ${POLL_SECONDS} s`);
  }

  function showState({ kind, seconds, reason }) {
    if (kind === "live") {
      if (!connection.isLive) {
        page.announce("connection", "The board is live.");
        page.readAgain();
        on.live();
      }
      connection.show("live", "live");
    } else if (kind === "connecting") {
      connection.show("waiting", "connecting…");
    } else if (kind === "waiting") {
      if (connection.isLive) {
        page.announce("connection", "The connection is lost; it will be made again.");
      }
      connection.show("waiting", `reconnecting in ${seconds} s`);
    } else {
      page.notice(`The live connection ended: ${reason}`);
      polling.start();
    }
  }
}

function websocketUrl() {
  const { websocketUrl: url, broadcasterPort } = document.body.dataset;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return url || `${scheme}://${location.hostname}:${broadcasterPort}/ws`;
}
