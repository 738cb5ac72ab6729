/** The page's texts in its language, from the server: app/web/texts has a file for each language. */

/** BCP 47; numbers and times are formatted with it. English dates are British, as the server writes them. */
export const LANGUAGE = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const cardinals = new Intl.PluralRules(LANGUAGE);
const dayAndTime = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
const ordinals = new Intl.PluralRules(LANGUAGE, { type: "ordinal" });

/**
 * The text of a key such as "board.title", with `values` in place of its {placeholders}.
 *
 * A text with several plural forms has the number `count` ("2 points") or `ordinal` ("2nd"), which
 * chooses the form. Numbers are formatted, and Dates with day and time.
 */
export function text(key, values = {}) {
  const entry = find(key);
  const pattern = typeof entry === "string" ? entry : entry[pluralForm(values)];
  return pattern.replace(/\{(\w+)\}/g, (_, name) => formatValue(values[name]));
}

export function hasText(key) {
  return find(key) !== undefined;
}

function find(key) {
  return key.split(".").reduce((texts, part) => texts?.[part], TEXTS);
}

function pluralForm({ count, ordinal }) {
  return ordinal === undefined ? cardinals.select(count) : ordinals.select(ordinal);
}

function formatValue(value) {
  if (value instanceof Date) return dayAndTime.format(value);
  return typeof value === "number" ? value.toLocaleString(LANGUAGE) : value;
}
