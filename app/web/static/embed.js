/** Starts a board without controls (embed.html): in a frame of another site, or over a broadcast. */

import { readBoard } from "./api/public-reads.js";
import { BoardView } from "./board/board-view.js";
import { PlayerColours } from "./common/player-colours.js";
import { text } from "./common/texts.js";
import { reloadAtEnd } from "./live/period-end.js";
import { Poller } from "./live/poller.js";

const POLL_SECONDS = 2;

const element = (id) => document.getElementById(id);
const problem = element("problem");
const maxRows = Number(document.body.dataset.rows);
const board = new BoardView(element("board-rows"), element("board-empty"), new PlayerColours(), maxRows);

const firstContest = JSON.parse(element("first-contest").textContent);
let contest = null;
if (firstContest !== null) loadContest();

// null if the server could not read the board.
const firstBoard = JSON.parse(element("first-board").textContent);
if (firstBoard !== null) {
  board.adopt(firstBoard);
  board.show(firstBoard);
}
new Poller(poll, POLL_SECONDS, showProblem).start();
reloadAtEnd();
document.documentElement.dataset.started = ""; // For page-failure.js.

async function poll() {
  const newest = await readBoard();
  board.show(newest);
  contest?.show(newest.contest);
  problem.hidden = true;
}

async function loadContest() {
  const { ContestLine } = await import("./contest/contest-line.js");
  contest = new ContestLine(element("clock"), element("reveal-line"));
  contest.show(firstContest);
}

function showProblem({ message }) {
  problem.textContent = text("connection.failed", { problem: message });
  problem.hidden = false;
}
