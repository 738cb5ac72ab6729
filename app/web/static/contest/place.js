/** Texts for the places of a player before and after a step of a reveal. */

import { formatChange, formatRank } from "../common/format.js";
import { text } from "../common/texts.js";

/** "12th", or a text for a player without a place. */
export function rankText(rank) {
  return rank === null ? text("reveal.noRank") : formatRank(rank);
}

/** "+120", or "" if the step did not change the score. */
export function gainText({ fromScore, toScore }) {
  const gained = (toScore ?? 0) - (fromScore ?? 0);
  return gained === 0 ? "" : formatChange(gained);
}

/** How many acts are still hidden. */
export function remainingText(remaining) {
  return remaining === 0 ? text("reveal.allShown") : text("reveal.remaining", { count: remaining });
}

/** The step as a sentence for screen readers. */
export function stepText({ displayName, fromRank, toRank, toScore, remaining }) {
  const values = { name: displayName, from: rankText(fromRank), to: rankText(toRank), score: toScore ?? 0 };
  return `${text("reveal.step", values)} ${remainingText(remaining)}`;
}
