/** Brings boards to the page: over the WebSocket, or by polling the API without one. */

import { readBoard } from "../api/public-reads.js";
import { text } from "../common/texts.js";
import { IS_MAIN, IS_PAST, WATCHED } from "../common/watched-board.js";
import { BoardSocket } from "./board-socket.js";
import { Poller } from "./poller.js";

const POLL_SECONDS = 2;

/**
 * Returns {socket, poller, readOnce} for a page; `readOnce` reads and shows the board once.
 *
 * `credentials` open the WebSocket (see BoardSocket). `pollingReason()` is the key of the text for why
 * the page polls. Handlers: `onBoard(board)` after a board was shown, `onLive()` after the socket
 * connected, `onUnreachable()` after an attempt to connect failed, `onBanned(details)` after a ban.
 */
export function createBoardFeed(page, credentials, pollingReason, handlers) {
  const { status } = page;
  const socket = new BoardSocket(websocketUrl(), credentials, {
    onBoard: show,
    onContest: showContest,
    onState: showState,
    onUnreachable: handlers.onUnreachable,
    onBanned: handlers.onBanned,
  });
  const poller = new Poller(poll, POLL_SECONDS, ({ message }) => {
    status.show("waiting", text("connection.failed", { problem: message }));
  });
  if (!IS_PAST) return { socket, poller, readOnce };
  const reader = { start: readPast, stop: () => poller.stop() };
  return { socket: reader, poller: reader, readOnce };

  function show(board) {
    // A frame of `main` does not name its board.
    if (!IS_MAIN && board.board !== WATCHED.board) return;
    if (page.showBoard(board)) handlers.onBoard(board);
  }

  function showContest(contest) {
    if (contest.board === WATCHED.board && contest.period === WATCHED.period) page.showContest(contest);
  }

  async function readOnce() {
    const board = await readBoard();
    show(board);
    if (board.contest) page.showContest(board.contest);
  }

  async function poll() {
    await readOnce();
    if (IS_PAST) readPast();
    else if (poller.running) status.show("polling", text(pollingReason(), { seconds: POLL_SECONDS }));
  }

  /** A period that is over is read only until the page has its board. */
  function readPast() {
    if (!page.board.isKnown) {
      poller.start();
      return;
    }
    poller.stop();
    status.show("off", text("connection.past"));
  }

  function showState({ kind, seconds, notice }) {
    if (status.isLive && (kind === "connecting" || kind === "waiting")) {
      page.announce("connection", text("connection.lost"));
    }
    if (kind === "live") {
      if (!status.isLive) {
        page.announce("connection", text("connection.restored"));
        page.reloadHistory();
        handlers.onLive();
      }
      status.show("live", text("connection.live"));
    } else if (kind === "connecting") {
      status.show("waiting", text("connection.connecting"));
    } else if (kind === "waiting") {
      status.show("waiting", text("connection.reconnecting", { seconds }));
    } else {
      page.showNotice(notice);
      poller.start();
    }
  }
}

function websocketUrl() {
  const { board, period } = WATCHED;
  return IS_MAIN ? broadcasterUrl() : `${broadcasterUrl()}?${new URLSearchParams({ board, period })}`;
}

function broadcasterUrl() {
  const { websocketUrl: url, broadcasterPort } = document.body.dataset;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  if (url.startsWith("/")) return `${scheme}://${location.host}${url}`;
  return url || `${scheme}://${location.hostname}:${broadcasterPort}/ws`;
}
