/** Counts the texts of elements from one number to another. */

import { formatNumber } from "../common/format.js";

/** Show the numbers between `from` and `to` in these elements, slower at the end; returns a function that jumps to the end. */
export function countUp(elements, from, to, durationMs) {
  const startedAt = performance.now();
  let frame;
  const show = (number) => {
    for (const element of elements) element.textContent = formatNumber(number);
  };
  const step = (now) => {
    const part = Math.min(1, Math.max(0, (now - startedAt) / durationMs));
    show(part === 1 ? to : Math.round(from + (to - from) * (1 - (1 - part) ** 3)));
    if (part < 1) frame = requestAnimationFrame(step);
  };
  show(from);
  frame = requestAnimationFrame(step);
  return () => {
    cancelAnimationFrame(frame);
    show(to);
  };
}
