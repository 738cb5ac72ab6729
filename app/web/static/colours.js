/** Each player on the board has one of ten colours, in the chart and in the row, while they stay. */

export const COLOURS = 10;

export class Colours {
  #slots = new Array(COLOURS).fill(null);

  /** Give these players a colour each; who has one keeps it, who isn't among them gives it back. */
  assign(userIds) {
    const present = new Set(userIds);
    this.#slots = this.#slots.map((userId) => (present.has(userId) ? userId : null));
    for (const userId of userIds.slice(0, COLOURS)) {
      if (!this.#slots.includes(userId)) this.#slots[this.#slots.indexOf(null)] = userId;
    }
  }

  /** The number of a player's colour, from 0. */
  of(userId) {
    return this.#slots.indexOf(userId);
  }
}
