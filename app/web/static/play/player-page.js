/** The page for players (`/`): also for viewers, who may log in. */

import { readAroundMe } from "../api/player-calls.js";
import { openScoreboard } from "../api/site.js";
import { TabSession } from "../api/tab-session.js";
import { RequestFailed, SessionEnded } from "../client/errors.js";
import { text } from "../common/texts.js";
import { StandingsLoader } from "../standings/standings-loader.js";
import { LoginForms } from "./login-forms.js";
import { PlayerPanel } from "./player-panel.js";
import { showScreenPairing, startScreenPairing } from "./screen-pairing.js";

export function startPlayerPage(page) {
  const session = new TabSession();
  const scoreboard = openScoreboard({ session });
  const { rapidMax, rapidSeconds } = document.body.dataset;
  const fraudRule = { attempts: Number(rapidMax), seconds: Number(rapidSeconds) };
  const standings = new StandingsLoader((span) => readAroundMe(scoreboard, span));
  const player = new PlayerPanel(scoreboard, fraudRule, {
    announce: (message) => page.announce("rank", message),
    onRank: (rank) => {
      standings.isRanked = rank !== null;
    },
  });
  page.feed.listen({
    onBoard: ({ version, leaderboard }) => {
      standings.noteBoard(version);
      if (session.active) player.updateFromBoard(version, leaderboard);
    },
    onRank: (rank) => player.updateFromRank(rank),
    onState: ({ transport }) => player.setTransport(transport),
  });
  page.followContest((state, contest) => player.showBoardState(state, contest));
  new LoginForms(scoreboard);
  startScreenPairing(scoreboard);

  session.events.addEventListener("begin", () => {
    showLoggedIn();
    element("score").focus({ preventScroll: true });
    scrollTo(0, 0);
  });
  session.events.addEventListener("end", ({ detail }) => showLoggedOut(text(detail.key, detail.values)));
  element("notice-close").addEventListener("click", () => page.showNotice(""));
  element("login-forms").addEventListener("submit", () => page.showNotice(""));
  element("log-out").addEventListener("click", logOut);
  if (session.active) showLoggedIn();
  else showLoggedOut("");
  standings.loadIfNamed();

  function showLoggedIn() {
    document.body.toggleAttribute("data-logged-in", true);
    setVisible({ player: true, "login-forms": false, "login-link": false });
    page.showNotice("");
    page.board.ownId = session.userId;
    standings.ownId = session.userId;
    player.begin(session.userId, session.login.username);
    page.feed.watch(scoreboard);
  }

  function showLoggedOut(notice) {
    document.body.toggleAttribute("data-logged-in", false);
    player.end();
    showScreenPairing(false);
    setVisible({ player: false, "login-forms": true, "login-link": true });
    page.showNotice(notice);
    page.board.ownId = null;
    standings.ownId = null;
    page.feed.watch();
  }

  async function logOut() {
    try {
      await scoreboard.logout();
    } catch (error) {
      // The session has ended in this tab, and its notice says so.
      if (!(error instanceof RequestFailed || error instanceof SessionEnded)) throw error;
    }
  }
}

function element(id) {
  return document.getElementById(id);
}

function setVisible(visibility) {
  for (const [id, visible] of Object.entries(visibility)) element(id).hidden = !visible;
}
