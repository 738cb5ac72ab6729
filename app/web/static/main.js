/** The page's parts, put together: the board and what is told of it, and who is before it. */

import { Announcer } from "./announcer.js";
import { BoardView } from "./board.js";
import { ScoresChart } from "./chart.js";
import { Colours } from "./colours.js";
import { Connection } from "./connection.js";
import { ScoreHistory } from "./history.js";
import { News } from "./news.js";
import { play } from "./playing.js";
import { readHistory } from "./reads.js";
import { watch } from "./watching.js";

const element = (id) => document.getElementById(id);
const colours = new Colours();
const announcer = new Announcer(element("announcer"));
const connection = new Connection();
const board = new BoardView(element("board-rows"), element("board-empty"), colours);
const news = new News(element("news"), element("news-empty"));
const history = new ScoreHistory(readHistory, () => chart.show(history));
const chart = new ScoresChart(element("chart"), element("chart-empty"), colours);

const page = {
  board,
  connection,
  showBoard,
  announce: (topic, text) => announcer.say(topic, text),
  notice,
  readAgain: () => history.readSoon(),
};

if (document.documentElement.dataset.mode === "display") watch(page);
else play(page);

/** Show a board unless it is older than the one that is shown; tells whether it was shown. */
function showBoard({ version, updatedAt, leaderboard }) {
  const leader = board.standings[0];
  const changes = board.show({ version, leaderboard });
  if (changes === null) return false;
  const moment = Date.parse(updatedAt);
  connection.changedAt(moment);
  news.add(changes.scored, moment);
  history.follow(version, leaderboard, moment);
  const next = board.standings[0];
  if (leader !== undefined && next !== undefined && leader.userId !== next.userId) {
    announcer.say("leader", `${next.displayName} leads now.`);
  }
  return true;
}

/** A message that stays until another takes its place, a command to type at its end; "" takes it away. */
function notice(text, command) {
  element("notice").textContent = text;
  if (command) {
    const code = document.createElement("code");
    code.textContent = command;
    element("notice").append(" ", code);
  }
  element("notice").hidden = text === "";
  // Not every screen reader tells what was in a region when it appeared.
  announcer.say("notice", text);
}
