/** The board that came with the page, as a frame has it; null if the server could not read it. */
export const FIRST_BOARD = JSON.parse(document.getElementById("first-board").textContent);
