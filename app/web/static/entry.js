/** The forms to log in and to register: what is wrong stands beside the field it is about. */

import { CallFailed, Refusal } from "./http.js";
import { countdown } from "./countdown.js";

const FIELD_OF_CODE = { USERNAME_TAKEN: "username" };

export class EntryForms {
  #sections;

  /** `api` logs in and registers; the forms are in the sections #log-in and #register. */
  constructor(api) {
    this.#sections = new Map(
      ["log-in", "register"].map((id) => [id, document.getElementById(id)]),
    );
    for (const button of document.querySelectorAll("[data-show]")) {
      button.addEventListener("click", () => this.#show(button.dataset.show));
    }
    handle(document.getElementById("log-in-form"), (fields) => api.logIn(fields));
    handle(document.getElementById("register-form"), (fields) => api.register(fields));
  }

  #show(id) {
    for (const [each, section] of this.#sections) section.hidden = each !== id;
    this.#sections.get(id).querySelector("input").focus();
  }
}

function handle(form, send) {
  const button = form.querySelector("[type=submit]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    clearErrors(form);
    button.disabled = true;
    try {
      await send(filledIn(form));
      form.reset();
      button.disabled = false;
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      explain(form, button, error);
    }
  });
}

function filledIn(form) {
  const entries = [...new FormData(form)];
  return Object.fromEntries(entries.filter(([name, value]) => value !== "" || form[name].required));
}

function explain(form, button, error) {
  if (error instanceof Refusal && error.status === 429) {
    const label = button.textContent;
    const wait = (seconds) => {
      button.textContent = `Try again in ${seconds} s`;
    };
    countdown(error.waitSeconds, wait, () => {
      button.textContent = label;
      button.disabled = false;
      clearErrors(form);
    });
    form.querySelector("[data-form-error]").textContent = "Too many attempts from your address.";
    return;
  }
  button.disabled = false;
  const unplaced = [];
  for (const [name, messages] of Object.entries(complaints(error))) {
    const text = [messages].flat().join(" ");
    const input = form.elements[name];
    if (input) mark(input, text);
    else unplaced.push(text);
  }
  form.querySelector("[data-form-error]").textContent = unplaced.join(" ");
  (form.querySelector("[aria-invalid]") ?? button).focus();
}

/** What is wrong, by field; what is about no field stands under "". */
function complaints(error) {
  if (error.code === "VALIDATION_ERROR" && Object.keys(error.details).length > 0) {
    return error.details;
  }
  return { [FIELD_OF_CODE[error.code] ?? ""]: error.message };
}

function mark(input, text) {
  input.setAttribute("aria-invalid", "true");
  document.getElementById(`${input.id}-error`).textContent = text;
}

function clearErrors(form) {
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const error of form.querySelectorAll(".error")) error.textContent = "";
}
