/** Formats numbers, ranks and times as text for the page. */

import { LANGUAGE, text } from "./texts.js";

const timeFormat = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A whole number: "1,234". */
export function formatNumber(number) {
  return number.toLocaleString(LANGUAGE);
}

/** A change of a score: "+12", "-3". */
export function formatChange(difference) {
  return difference > 0 ? `+${formatNumber(difference)}` : formatNumber(difference);
}

/** A rank: "1st", "22nd". */
export function formatRank(rank) {
  return text("rank", { ordinal: rank });
}

/** How long ago a time was: "5 s ago". Both arguments are in ms since 1970. */
export function formatAge(time, now) {
  const ageMs = now - time;
  if (ageMs < 2_000) return text("age.now");
  if (ageMs < MINUTE_MS) return text("age.seconds", { seconds: Math.floor(ageMs / 1_000) });
  if (ageMs < HOUR_MS) return text("age.minutes", { minutes: Math.floor(ageMs / MINUTE_MS) });
  const date = new Date(time);
  if (ageMs < DAY_MS) return text("age.time", { time: timeFormat.format(date) });
  return text("age.date", { date: dayFormat.format(date) });
}
