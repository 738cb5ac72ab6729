/** Numbers, places and times as the page says them. */

const LANGUAGE = "en";
const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };
const ordinals = new Intl.PluralRules(LANGUAGE, { type: "ordinal" });
const timeOfDay = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A whole number: 1,234 */
export function formatted(number) {
  return number.toLocaleString(LANGUAGE);
}

/** A place: 1st, 22nd */
export function ordinal(number) {
  return `${formatted(number)}${ENDINGS[ordinals.select(number)]}`;
}

/** 1 point, 2 points */
export function points(number) {
  return `${formatted(number)} ${number === 1 ? "point" : "points"}`;
}

/** How long ago a moment is; both in ms. */
export function ago(moment, now) {
  const passed = now - moment;
  if (passed < 2_000) return "just now";
  if (passed < MINUTE) return `${Math.floor(passed / 1_000)} s ago`;
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`;
  const date = new Date(moment);
  return passed < DAY ? `at ${timeOfDay.format(date)}` : `on ${day.format(date)}`;
}
