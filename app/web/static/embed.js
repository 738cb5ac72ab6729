/** Starts a board without controls (embed.html): in a frame of another site, or over a broadcast. */

import { explain } from "./api/error-texts.js";
import { BoardView } from "./board/board-view.js";
import { RequestFailed } from "./client/errors.js";
import { FIRST_BOARD } from "./common/first-board.js";
import { PlayerColours } from "./common/player-colours.js";
import { text } from "./common/texts.js";
import { BoardFeed } from "./live/board-feed.js";
import { reloadAtEnd } from "./live/period-end.js";

const element = (id) => document.getElementById(id);
const problem = element("problem");
const maxRows = Number(document.body.dataset.rows);
const board = new BoardView(element("board-rows"), element("board-empty"), new PlayerColours(), maxRows);

const firstContest = JSON.parse(element("first-contest").textContent);
let contest = null;
if (firstContest !== null) loadContest();

if (FIRST_BOARD !== null) {
  board.adopt(FIRST_BOARD);
  board.show(FIRST_BOARD);
}
const feed = new BoardFeed();
feed.listen({
  onBoard: (newest) => board.show(newest),
  onContest: (newest) => contest?.show(newest),
  onState: showProblem,
});
feed.watch();
reloadAtEnd();
document.documentElement.dataset.started = ""; // For page-failure.js.

async function loadContest() {
  const { ContestLine } = await import("./contest/contest-line.js");
  contest = new ContestLine(element("clock"), element("reveal-line"));
  contest.show(firstContest);
}

function showProblem({ error }) {
  problem.hidden = !(error instanceof RequestFailed);
  if (!problem.hidden) problem.textContent = text("connection.failed", { problem: explain(error) });
}
