/**
 * Builds the page from its parts. play.js starts it for a player, display.js for a display, so that
 * each loads only what it needs.
 *
 * Imports between the folders point one way, which eslint.config.js checks:
 *
 *     client  <  common  <  api  <  live, board, chart, standings  <  contest  <  play, display
 *     <  main.js, play.js, display.js
 *
 * client     the published client, clients/js/src, which the server puts here: calls, watching, points
 * common     texts, formats, clock, colours: nothing about the API or the page
 * api        this site's scoreboard, the session of several tabs, texts of errors
 * live       the feed of boards, and the connection status
 * board      shows the top ten and the latest scores
 * chart      shows the scores over time
 * standings  the full standings: pages and search
 * contest    the board's clock, the reveal and the podium
 * play       the page for players: login, score button, the player's own panel
 * display    the page for projectors: display token, nothing to press
 */

import { readHistory } from "./api/public-reads.js";
import { BoardView } from "./board/board-view.js";
import { LatestScores } from "./board/latest-scores.js";
import { ScoreHistory } from "./chart/score-history.js";
import { ScoresChart } from "./chart/scores-chart.js";
import { Announcer } from "./common/announcer.js";
import { createData } from "./common/elements.js";
import { FIRST_BOARD } from "./common/first-board.js";
import { PlayerColours } from "./common/player-colours.js";
import { serverNow } from "./common/server-clock.js";
import { text } from "./common/texts.js";
import { HAS_CLOCK, IS_PAST } from "./common/watched-board.js";
import { BoardFeed } from "./live/board-feed.js";
import { ConnectionStatus } from "./live/connection-status.js";
import { reloadAtEnd } from "./live/period-end.js";
import { StateDisplay } from "./live/state-display.js";

const element = (id) => document.getElementById(id);
const colours = new PlayerColours();
const announcer = new Announcer(element("announcer"));
const status = new ConnectionStatus();
const board = new BoardView(element("board-rows"), element("board-empty"), colours);
const latestScores = IS_PAST ? null : new LatestScores(element("latest-scores"), element("latest-scores-empty"));
const history = IS_PAST ? null : createHistory();
const feed = new BoardFeed();
const states = new StateDisplay(
  status,
  (message) => announcer.announce("connection", message),
  () => history?.reloadSoon(),
);
feed.listen({ onBoard: showBoard, onContest: showContest, onState: (state) => states.show(state) });
reloadAtEnd();

/** The newest contest, until contest.js, which only some boards need, has arrived. */
let shownContest = JSON.parse(element("first-contest").textContent);
let contest = null;
let onContest = () => {};
if (HAS_CLOCK && shownContest !== null) loadContest();

if (FIRST_BOARD !== null) {
  board.adopt(FIRST_BOARD);
  showBoard(FIRST_BOARD);
}

/** What the page for players and the page for displays use of the parts. */
export const page = {
  board,
  feed,
  announce: (topic, message) => announcer.announce(topic, message),
  showNotice,
  /** Call `listener(state, contest)` after each change of the board's state or times. */
  followContest: (listener) => {
    onContest = listener;
    if (contest !== null) contest.show(shownContest);
  },
};

export function markStarted() {
  document.documentElement.dataset.started = ""; // For page-failure.js.
}

/** Show a board, unless it is older than the one shown. */
function showBoard({ version, updatedAt, leaderboard }) {
  const leader = board.standings[0];
  const changes = board.show({ version, leaderboard });
  if (changes === null) return;
  document.documentElement.dataset.board = leaderboard.length === 0 ? "empty" : "filled";
  const time = updatedAt ? Date.parse(updatedAt) : serverNow();
  if (updatedAt || changes.scored.length > 0) status.setChangedAt(time);
  latestScores?.add(changes.scored, time);
  latestScores?.removeMissing(leaderboard);
  history?.addBoard(version, leaderboard, time);
  contest?.noteBoard(leaderboard);
  const newLeader = board.standings[0];
  if (leader !== undefined && newLeader !== undefined && leader.userId !== newLeader.userId) {
    announcer.announce("leader", text("board.newLeader", { name: newLeader.displayName }));
  }
}

/** Show the board's clock and its reveal, from a read or an event. */
function showContest(newest) {
  shownContest = newest;
  contest?.show(newest);
}

async function loadContest() {
  const { Contest } = await import("./contest/contest.js");
  const parts = { clock: element("clock"), stage: element("stage"), podium: element("podium") };
  contest = new Contest(parts, page.announce, (...change) => onContest(...change));
  contest.noteBoard(board.standings);
  contest.show(shownContest);
}

function createHistory() {
  const chart = new ScoresChart(element("chart"), element("chart-empty"), colours);
  const scores = new ScoreHistory(readHistory, () => {
    chart.show(scores);
    latestScores.restore(scores);
  });
  // In the back/forward cache the page has missed boards.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && scores.since !== null) scores.reloadSoon();
  });
  return scores;
}

/** Show a message until the next one; "" hides it. `typed` is shown with it, for a person to type. */
function showNotice(message, { typed = null, isSmall = false } = {}) {
  const notice = element("notice");
  notice.textContent = message;
  if (typed !== null) {
    const code = createData("code");
    code.textContent = typed;
    notice.append(" ", code);
  }
  notice.classList.toggle("small", isSmall);
  notice.hidden = message === "";
  // Some screen readers don't read a live region that has just become visible.
  announcer.announce("notice", message);
}
