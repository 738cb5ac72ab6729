/** Gives each player on the board one of ten colours, used by the row and by the chart's line. */

export const COLOUR_COUNT = 10;

export class PlayerColours {
  #userIdOfColour = new Array(COLOUR_COUNT).fill(null);

  /** Give each of these players a colour. Players keep their colour until they leave the board. */
  assign(userIds) {
    const present = new Set(userIds);
    this.#userIdOfColour = this.#userIdOfColour.map((userId) => (present.has(userId) ? userId : null));
    for (const userId of userIds.slice(0, COLOUR_COUNT)) {
      if (this.#userIdOfColour.includes(userId)) continue;
      this.#userIdOfColour[this.#userIdOfColour.indexOf(null)] = userId;
    }
  }

  /** The index of a player's colour, from 0; -1 if the player has none. */
  indexOf(userId) {
    return this.#userIdOfColour.indexOf(userId);
  }
}
