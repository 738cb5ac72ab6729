/** The form with which an admin connects a screen that shows a code (/?display). */

import { pairDisplay } from "../api/player-calls.js";
import { text } from "../common/texts.js";

import { handleSubmit } from "./form-submission.js";

/** `scoreboard` has the login. The section #pairing is shown only to admins. */
export function startScreenPairing(scoreboard) {
  const result = document.getElementById("pairing-result");
  const pair = async (fields) => {
    result.textContent = "";
    const { name } = await pairDisplay(scoreboard, fields);
    result.textContent = text("pairing.done", { name });
  };
  handleSubmit(document.getElementById("pairing-form"), pair, { NOT_FOUND: "pairing.unknownCode" });
}

/** Show the form to an admin, and hide it from other players. */
export function showScreenPairing(isAdmin) {
  document.getElementById("pairing").hidden = !isAdmin;
}
