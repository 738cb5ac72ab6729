/** The page for players (`/`): live with a login, polling without one. */

import { ApiClient } from "../api/api-client.js";
import { banNotice } from "../api/ban-notice.js";
import { RequestFailed } from "../api/http-request.js";
import { Session } from "../api/session.js";
import { text } from "../common/texts.js";
import { createBoardFeed } from "../live/board-feed.js";
import { StandingsLoader } from "../standings/standings-loader.js";
import { LoginForms } from "./login-forms.js";
import { PlayerPanel } from "./player-panel.js";
import { showScreenPairing, startScreenPairing } from "./screen-pairing.js";

export function startPlayerPage(page) {
  const session = new Session();
  const api = new ApiClient(session);
  const { rapidMax, rapidSeconds } = document.body.dataset;
  const fraudRule = { attempts: Number(rapidMax), seconds: Number(rapidSeconds) };
  const player = new PlayerPanel(api, fraudRule, (message) => page.announce("rank", message));
  const pollingReason = () => (session.active ? "connection.notLive" : "connection.notLoggedIn");
  const { socket, poller, readOnce } = createBoardFeed(page, api, pollingReason, {
    onBoard: ({ version, leaderboard }) => {
      standings.noteBoard(version);
      if (session.active) player.updateFromBoard(version, leaderboard);
    },
    onLive: () => {},
    onUnreachable: readWhileUnreachable,
    onBanned: (details) => session.end(banNotice(details)),
  });
  const standings = new StandingsLoader((span) => api.readAroundMe(span));
  page.followContest((state, contest) => player.showBoardState(state, contest));
  new LoginForms(api);
  startScreenPairing(api);

  session.addEventListener("begin", () => {
    showLoggedIn();
    element("score").focus({ preventScroll: true });
    scrollTo(0, 0);
  });
  session.addEventListener("end", ({ detail }) => showLoggedOut(text(detail.key, detail.values)));
  element("notice-close").addEventListener("click", () => page.showNotice(""));
  element("login-forms").addEventListener("submit", () => page.showNotice(""));
  element("log-out").addEventListener("click", () => api.logOut());
  if (session.active) showLoggedIn();
  else showLoggedOut("");
  standings.loadIfNamed();

  function showLoggedIn() {
    document.body.toggleAttribute("data-logged-in", true);
    setVisible({ player: true, "login-forms": false, "login-link": false });
    page.showNotice("");
    page.board.ownId = session.userId;
    standings.ownId = session.userId;
    player.begin(session.userId, session.username);
    poller.stop();
    socket.start();
  }

  function showLoggedOut(notice) {
    document.body.toggleAttribute("data-logged-in", false);
    socket.stop();
    player.end();
    showScreenPairing(false);
    setVisible({ player: false, "login-forms": true, "login-link": true });
    page.showNotice(notice);
    page.board.ownId = null;
    standings.ownId = null;
    poller.start();
  }

  // A script can't see the status of a refused handshake, but the API's replies tell whether the
  // session has ended. The status text already says that the page is reconnecting.
  async function readWhileUnreachable() {
    try {
      await player.read();
      await readOnce();
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      console.warn(error.message);
    }
  }
}

function element(id) {
  return document.getElementById(id);
}

function setVisible(visibility) {
  for (const [id, visible] of Object.entries(visibility)) element(id).hidden = !visible;
}
