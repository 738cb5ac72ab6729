/** Reads the board of a period that is over, which no watch brings. */

import { readPastBoard } from "../api/public-reads.js";
import { RequestFailed } from "../client/errors.js";
import { FIRST_BOARD } from "../common/first-board.js";

const RETRY_MS = 2_000;

/**
 * Read the board unless it came with the page. `onBoard` and `onState` are those of a BoardFeed.
 *
 * Returns a function that stops it.
 */
export function readPast({ onBoard, onState }) {
  let isEnded = false;
  let timer;
  const read = async () => {
    try {
      const board = await readPastBoard();
      if (isEnded) return;
      onBoard(board);
      onState({ kind: "past" });
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      if (isEnded) return;
      onState({ kind: "waiting", error });
      timer = setTimeout(read, Math.max(RETRY_MS, error.waitSeconds * 1000));
    }
  };
  if (FIRST_BOARD === null) read();
  else onState({ kind: "past" });
  return () => {
    isEnded = true;
    clearTimeout(timer);
  };
}
