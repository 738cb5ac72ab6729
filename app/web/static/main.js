/** The page's parts, put together: who is logged in decides where the board comes from. */

import { Api, CallFailed } from "./api.js";
import { BoardView } from "./board.js";
import { EntryForms } from "./entry.js";
import { LiveFeed } from "./live.js";
import { PlayerPanel } from "./player.js";
import { Polling } from "./polling.js";
import { Session } from "./session.js";

const POLL_SECONDS = 2;

const element = (id) => document.getElementById(id);
const session = new Session();
const api = new Api(session);
const board = new BoardView(element("board-rows"), element("board-empty"));
const player = new PlayerPanel(api);
const live = new LiveFeed(websocketUrl(), api, session, {
  board: showBoard,
  state: showConnection,
  unreachable: readMeanwhile,
  banned: () => session.end("This account is banned."),
});
const polling = new Polling(readAndTell, POLL_SECONDS, sayUnreachable);
new EntryForms(api);

session.addEventListener("begin", () => {
  enter();
  element("score").focus({ preventScroll: true });
  scrollTo(0, 0);
});
session.addEventListener("end", ({ detail }) => leave(detail));
element("log-out").addEventListener("click", () => api.logOut());
if (session.active) enter();
else leave("");

function enter() {
  show({ player: true, entry: false, "to-entry": false });
  notice("");
  board.ownId = session.userId;
  player.begin(session.userId, session.username);
  polling.stop();
  live.start();
}

function leave(reason) {
  live.stop();
  player.end();
  show({ player: false, entry: true, "to-entry": true });
  notice(reason);
  board.ownId = null;
  polling.start();
}

function showBoard(news) {
  const leader = board.leader;
  if (!board.show(news)) return;
  if (session.active) player.follow(news.version, board.find(session.userId));
  if (leader !== undefined && board.leader !== undefined && leader.userId !== board.leader.userId) {
    announce(`${board.leader.displayName} leads now.`);
  }
}

async function readBoard() {
  showBoard(await api.leaderboard());
}

/**
 * While the WebSocket can't be had, whose state is shown already.
 *
 * A refused handshake has no status for browser code; the API says whether the session is over.
 */
async function readMeanwhile() {
  try {
    await player.read();
    await readBoard();
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    console.warn(error.message);
  }
}

async function readAndTell() {
  await readBoard();
  if (!polling.running) return;
  const why = session.active ? "not live" : "not logged in";
  connection("polling", `${why} – refreshed every ${POLL_SECONDS} s`);
}

function sayUnreachable(error) {
  connection("waiting", `${error.message}, trying again`);
}

function showConnection({ kind, seconds, reason }) {
  if (kind === "waiting" && element("connection").dataset.state === "live") {
    announce("The connection is lost; it will be made again.");
  }
  if (kind === "live") {
    connection("live", "live");
    announce("The board is live.");
  } else if (kind === "connecting") {
    connection("waiting", "connecting…");
  } else if (kind === "waiting") {
    connection("waiting", `reconnecting in ${seconds} s`);
  } else {
    notice(`The live connection ended: ${reason}`);
    polling.start();
  }
}

function connection(state, text) {
  const status = element("connection");
  status.dataset.state = state;
  status.textContent = text;
}

function announce(text) {
  element("announcer").textContent = text;
}

function notice(text) {
  element("notice").textContent = text;
  element("notice").hidden = text === "";
  // Not every screen reader tells what was in a region when it appeared.
  announce(text);
}

function show(visibility) {
  for (const [id, visible] of Object.entries(visibility)) element(id).hidden = !visible;
}

function websocketUrl() {
  const { websocketUrl: url, broadcasterPort } = document.body.dataset;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return url || `${scheme}://${location.hostname}:${broadcasterPort}/ws`;
}
