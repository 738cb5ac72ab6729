/** The page for players: who is logged in decides where the board comes from. */

import { Api } from "./api.js";
import { EntryForms } from "./entry.js";
import { feed } from "./feeding.js";
import { CallFailed } from "./http.js";
import { PlayerPanel } from "./player.js";
import { Session } from "./session.js";

const BANNED = "This account is banned.";

export function play(page) {
  const session = new Session();
  const api = new Api(session);
  const { rapidMax, rapidSeconds } = document.body.dataset;
  const rules = { attempts: Number(rapidMax), seconds: Number(rapidSeconds) };
  const player = new PlayerPanel(api, rules, (text) => page.announce("place", text));
  const on = {
    board: ({ version, leaderboard }) => {
      if (session.active) player.follow(version, leaderboard);
    },
    live: () => {},
    unreachable: readMeanwhile,
    banned: () => session.end(BANNED),
  };
  const { live, polling, read } = feed(page, api, on, () => (session.active ? "not live" : "not logged in"));
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
    page.notice("");
    page.board.ownId = session.userId;
    player.begin(session.userId, session.username);
    polling.stop();
    live.start();
  }

  function leave(reason) {
    live.stop();
    player.end();
    show({ player: false, entry: true, "to-entry": true });
    page.notice(reason);
    page.board.ownId = null;
    polling.start();
  }

  /**
   * While the WebSocket can't be had, whose state is shown already.
   *
   * A refused handshake has no status for browser code; the API says whether the session is over.
   */
  async function readMeanwhile() {
    try {
      await player.read();
      await read();
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      console.warn(error.message);
    }
  }
}

function element(id) {
  return document.getElementById(id);
}

function show(visibility) {
  for (const [id, visible] of Object.entries(visibility)) element(id).hidden = !visible;
}
