/** The panel of the logged-in player: name, score, rank, the players around, and the score button. */

import { readAroundMe, readMe } from "../api/player-calls.js";
import { RequestFailed, SessionEnded } from "../client/errors.js";
import { formatNumber, formatRank } from "../common/format.js";
import { text } from "../common/texts.js";
import { IS_MAIN, IS_PAST, WATCHED } from "../common/watched-board.js";
import { ActionPace } from "./action-pace.js";
import { AroundYou } from "./around-you.js";
import { ScoreButton } from "./score-button.js";
import { showScreenPairing } from "./screen-pairing.js";

const ROWS_AROUND = 2;
const BOARD_ROWS = 10;
const MIN_READ_MS = 10_000;
const NOT_ON_BOARD = { score: 0, rank: null };

export class PlayerPanel {
  #scoreboard;
  #fraudRule;
  #announce;
  #onRank;
  #userId = null;
  #version = -1;
  /** {score, rank} as shown, or null before the first; another object after each change. */
  #standing = null;
  #boardShowsAround = false;
  #readsRegularly = false;
  #readAt = -Infinity;
  #readTimer;
  #button = new ScoreButton({
    onCounted: (result) => this.#showResult(result),
    onFlagged: () => this.#showFlag(),
  });
  #aroundYou = new AroundYou(
    document.getElementById("around"),
    document.getElementById("around-rows"),
  );
  #elements = Object.fromEntries(
    ["player-name", "own-score", "own-rank", "warning"].map((id) => [id, document.getElementById(id)]),
  );

  /**
   * `scoreboard` has the login. `fraudRule` is {attempts, seconds}: how many attempts of one kind the
   * server tolerates.
   * `announce(message)` sends a text to screen readers. `onRank(rank)` is called after each change of the rank; null
   * for none.
   */
  constructor(scoreboard, fraudRule, { announce, onRank }) {
    this.#scoreboard = scoreboard;
    this.#fraudRule = fraudRule;
    this.#announce = announce;
    this.#onRank = onRank;
  }

  /** Show this player from now on. */
  begin(userId, username) {
    this.#userId = userId;
    this.#version = -1;
    this.#standing = null;
    this.#boardShowsAround = false;
    this.#setText("player-name", username ?? "");
    this.#setText("own-score", "–");
    this.#setText("own-rank", "–");
    this.#onRank(null);
    this.#showWarning("");
    this.#aroundYou.show([], userId);
    const { attempts, seconds } = this.#fraudRule;
    this.#button.begin(this.#scoreboard, new ActionPace(userId, attempts, seconds));
    this.#readPlayer();
  }

  /** The player is logged out. */
  end() {
    this.#button.end();
    this.#aroundYou.show([], null);
    clearTimeout(this.#readTimer);
    this.#readTimer = undefined;
    this.#userId = null;
  }

  /** The state of the board by its clock has changed, or its times have. */
  showBoardState(state, contest) {
    this.#button.setBoard(state, contest);
  }

  /** Boards arrive by this transport from now on. Only the WebSocket brings rank updates, so the panel may have to read. */
  setTransport(transport) {
    this.#readsRegularly = transport === "stream" || transport === "polling";
    if (this.#readsRegularly && this.#userId !== null) this.#readSoon();
  }

  /** Show what a board says about the player; read the rest from the API. */
  updateFromBoard(version, standings) {
    this.#button.clearUnreachable();
    const index = standings.findIndex(({ userId }) => userId === this.#userId);
    const hasRowsAround = standings.length < BOARD_ROWS || (index >= 0 && index + ROWS_AROUND < BOARD_ROWS);
    this.#boardShowsAround = hasRowsAround;
    if (index >= 0 && version >= this.#version) {
      this.#update(standings[index], version);
      if (hasRowsAround) this.#showAround(standings, index);
    }
    // The board has only the top ten, but a change of it may also change ranks below.
    if (!hasRowsAround && this.#standing?.rank !== null) this.#readSoon();
  }

  /** Show the player's standing from a rank update, {score, rank, version}. */
  updateFromRank({ score, rank, version }) {
    this.#update({ score, rank }, version);
  }

  /** Read the player's rank and the players around from the API. */
  async read() {
    clearTimeout(this.#readTimer);
    this.#readTimer = undefined;
    this.#readAt = performance.now();
    const before = this.#standing;
    await this.#call(() => readAroundMe(this.#scoreboard, ROWS_AROUND), ({ leaderboard }) => {
      const index = leaderboard.findIndex(({ userId }) => userId === this.#userId);
      const own = leaderboard[index] ?? NOT_ON_BOARD;
      // The reply may be older than a score that was shown since, which would disappear again.
      if (before === this.#standing) this.#showStanding(own);
      if (own.score === this.#standing.score) this.#showAround(leaderboard, index);
      else this.read();
    });
    if (this.#readsRegularly && this.#userId !== null) this.#readSoon();
  }

  async #readPlayer() {
    const before = this.#standing;
    await this.#call(() => readMe(this.#scoreboard), (me) => {
      this.#setText("player-name", me.displayName);
      showScreenPairing(me.role === "admin");
      if (me.status === "flagged") {
        this.#showWarning(text("player.flaggedUntil", { until: new Date(me.flaggedUntil) }));
      }
      // The reply has the standing on `main`.
      if (IS_MAIN && before === this.#standing) this.#showStanding(me);
      if (!IS_MAIN || me.rank !== null) this.read();
    });
  }

  async #call(send, use) {
    const userId = this.#userId;
    try {
      const reply = await send();
      if (userId === this.#userId) use(reply);
    } catch (error) {
      if (!(error instanceof RequestFailed || error instanceof SessionEnded)) throw error;
      console.warn(error.message);
      // The next board causes another read, and the connection status shows failures that last. A
      // period that is over has no next board.
      if (IS_PAST && userId === this.#userId) {
        setTimeout(() => userId === this.#userId && this.#call(send, use), MIN_READ_MS);
      }
    }
  }

  #readSoon() {
    const delayMs = Math.max(0, this.#readAt + MIN_READ_MS - performance.now());
    this.#readTimer ??= setTimeout(() => this.read(), delayMs);
  }

  #showResult({ newScore, newRank, boardVersion }) {
    // The reply has the standing in the board's first period.
    if (!IS_MAIN) {
      this.read();
      return;
    }
    this.#update({ score: newScore, rank: newRank }, boardVersion ?? this.#version);
  }

  /** Show the standing at this board version, unless a later one is shown, and then the players around. */
  #update(standing, version) {
    if (version < this.#version) return;
    this.#version = version;
    const before = this.#standing;
    this.#showStanding(standing);
    // After a login the panel reads in any case.
    if (this.#boardShowsAround || before === null || before === this.#standing) return;
    if (before.score !== this.#standing.score) this.read();
    // Points of others change the rank often.
    else this.#readSoon();
  }

  #showStanding({ score, rank }) {
    const before = this.#standing;
    if (before !== null && before.score === score && before.rank === rank) return;
    if (rank !== null && before !== null && before.rank !== null && rank !== before.rank) {
      this.#announce(text("player.rankNow", { ordinal: rank }));
    }
    this.#standing = { score, rank };
    // Without a point on a board that players score, the player has 0.
    const hasScore = rank !== null || WATCHED.scoredByPlayers;
    this.#setText("own-score", hasScore ? formatNumber(score) : "–");
    this.#setText("own-rank", rank === null ? "–" : formatRank(rank));
    this.#onRank(rank);
  }

  #showAround(standings, index) {
    const rows = index < 0 ? [] : standings.slice(Math.max(0, index - ROWS_AROUND), index + ROWS_AROUND + 1);
    this.#aroundYou.show(rows, this.#userId);
  }

  /** Warn at once, and read until when the limits are halved. */
  #showFlag() {
    if (!this.#elements.warning.hidden) return;
    this.#showWarning(text("player.flagged"));
    this.#readPlayer();
  }

  #showWarning(message) {
    this.#setText("warning", message);
    this.#elements.warning.hidden = message === "";
  }

  #setText(id, content) {
    this.#elements[id].textContent = content;
  }
}
