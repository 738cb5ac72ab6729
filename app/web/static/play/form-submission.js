/** Sends a form to the API, and shows each error beside the field that it concerns. */

import { explain } from "../api/error-texts.js";
import { RequestFailed } from "../client/errors.js";
import { countdown } from "../common/countdown.js";
import { hasText, text } from "../common/texts.js";

const FIELD_OF_CODE = { USERNAME_TAKEN: "username" };
/** Refusals after which the form waits before it can be sent again. */
const WAIT_CODES = ["RATE_LIMITED", "SERVER_BUSY"];

/**
 * Call `send(fields)` when the form is submitted, and reset the form if it succeeds.
 *
 * `textOfCode` has keys of texts for error codes that mean something else in this form.
 */
export function handleSubmit(form, send, textOfCode = {}) {
  const button = form.querySelector("[type=submit]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    clearErrors(form);
    button.disabled = true;
    try {
      await send(fieldsOf(form));
      form.reset();
      button.disabled = false;
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      showError(form, button, error, textOfCode);
    }
  });
}

/** The form's fields by name, without optional fields that are empty. */
function fieldsOf(form) {
  // Keyboards of phones add a space after a name that they complete. A password is sent as typed.
  const entries = [...new FormData(form)].map(([name, value]) => [
    name,
    form[name].type === "password" ? value : value.trim(),
  ]);
  return Object.fromEntries(entries.filter(([name, value]) => value !== "" || form[name].required));
}

function showError(form, button, error, textOfCode) {
  if (WAIT_CODES.includes(error.code)) {
    const label = button.textContent;
    const showSeconds = (seconds) => {
      button.textContent = text("form.retryIn", { seconds });
    };
    countdown(error.waitSeconds, showSeconds, () => {
      button.textContent = label;
      button.disabled = false;
      clearErrors(form);
    });
    form.querySelector("[data-form-error]").textContent = explain(error);
    return;
  }
  button.disabled = false;
  const withoutField = [];
  for (const [name, messages] of Object.entries(messagesByField(error, textOfCode))) {
    const input = form.elements[name];
    if (input) markInvalid(input, error.code === "VALIDATION_ERROR" ? ruleOf(input, messages) : messages);
    else withoutField.push([messages].flat().join(" "));
  }
  form.querySelector("[data-form-error]").textContent = withoutField.join(" ");
  (form.querySelector("[aria-invalid]") ?? button).focus();
}

/** Error messages by field name; the name is "" for a message that concerns no field. */
function messagesByField(error, textOfCode) {
  if (error.code === "VALIDATION_ERROR" && Object.keys(error.details).length > 0) {
    return error.details;
  }
  const key = textOfCode[error.code];
  return { [FIELD_OF_CODE[error.code] ?? ""]: key === undefined ? explain(error) : text(key) };
}

// The messages of the server say which part of the rule the value breaks, but only in English.
function ruleOf(input, messages) {
  if (input.value.trim() === "") return text("form.missing");
  const key = `fields.${input.name}`;
  return hasText(key) ? text(key) : [messages].flat().join(" ");
}

function markInvalid(input, message) {
  input.setAttribute("aria-invalid", "true");
  document.getElementById(`${input.id}-error`).textContent = message;
}

function clearErrors(form) {
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const error of form.querySelectorAll(".error")) error.textContent = "";
}
