/** The forms to log in and to register. */

import { handleSubmit } from "./form-submission.js";

export class LoginForms {
  #sections;

  /** `scoreboard` gets the login. The forms are in the sections #log-in and #register. */
  constructor(scoreboard) {
    this.#sections = new Map(
      ["log-in", "register"].map((id) => [id, document.getElementById(id)]),
    );
    for (const button of document.querySelectorAll("[data-show]")) {
      button.addEventListener("click", () => this.#show(button.dataset.show));
    }
    handleSubmit(document.getElementById("log-in-form"), ({ username, password }) =>
      scoreboard.login(username, password),
    );
    handleSubmit(document.getElementById("register-form"), ({ username, password, displayName }) =>
      scoreboard.register(username, password, displayName),
    );
  }

  #show(id) {
    for (const [sectionId, section] of this.#sections) section.hidden = sectionId !== id;
    this.#sections.get(id).querySelector("input").focus();
  }
}
