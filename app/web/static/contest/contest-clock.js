/** The state of a board by its clock, as the page shows it (FirstContest.state). */

const DAY_SECONDS = 86_400;

/**
 * "scheduled", "open", "frozen", "closed", "final" or "archived" at a moment in ms since 1970. A board that the server
 * calls final is shown as closed while its result is hidden.
 */
export function stateAt(contest, now) {
  if (contest.state === "archived") return "archived";
  if (contest.finalizedAt !== null && !isHidden(contest, now)) return "final";
  if (contest.opensAt !== null && now < Date.parse(contest.opensAt)) return "scheduled";
  if (contest.closesAt !== null && now >= Date.parse(contest.closesAt)) return "closed";
  return hidesAt(contest, now) ? "frozen" : "open";
}

/** Whether acts are hidden, or may be: before the first step nothing public shows which. */
export function isHidden(contest, now) {
  return hidesAt(contest, now) && contest.reveal?.remaining !== 0;
}

function hidesAt({ freezesAt, thawedAt }, now) {
  return freezesAt !== null && thawedAt === null && Date.parse(freezesAt) <= now;
}

/** {name, at} of the moment to count down to: "opens", "closes" or "freezes"; null if there is none. */
export function nextMoment({ opensAt, freezesAt, closesAt }, state, now) {
  const moment = (name, time) => (time !== null && Date.parse(time) > now ? { name, at: Date.parse(time) } : null);
  if (state === "scheduled") return moment("opens", opensAt);
  if (state === "frozen") return moment("closes", closesAt);
  return state === "open" ? (moment("closes", closesAt) ?? moment("freezes", freezesAt)) : null;
}

/** The ms until the texts or the state change: the next whole second before one of the times; null without one. */
export function msToNextChange({ opensAt, freezesAt, closesAt }, now) {
  const coming = [opensAt, freezesAt, closesAt].map((time) => Date.parse(time) - now).filter((left) => left > 0);
  return coming.length === 0 ? null : Math.min(...coming.map((left) => left % 1_000 || 1_000));
}

/** {days, time} of a time in ms: whole days, and the rest as "3:04:05" or "4:05". */
export function splitTime(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1_000);
  const rest = seconds % DAY_SECONDS;
  const [hours, minutes] = [Math.floor(rest / 3_600), Math.floor(rest / 60) % 60];
  const days = Math.floor(seconds / DAY_SECONDS);
  const twoDigits = (number) => String(number).padStart(2, "0");
  const ending = twoDigits(rest % 60);
  if (days === 0 && hours === 0) return { days, time: `${minutes}:${ending}` };
  return { days, time: `${hours}:${twoDigits(minutes)}:${ending}` };
}
