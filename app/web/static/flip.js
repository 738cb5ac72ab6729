/** Rows glide to their new places instead of jumping there (FLIP: first, last, invert, play). */

const GLIDE = { duration: 650, easing: "cubic-bezier(0.22, 1, 0.36, 1)" };
const APPEAR = { duration: 400, easing: "ease-out" };
const LEAVE = { duration: 250, easing: "ease-in", fill: "forwards" };
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Make `change`, which moves, adds and removes elements and returns those that remain; then let
 * each begin where it was seen last, in the midst of an earlier glide too.
 */
export function glide(elements, change) {
  const seen = new Map(elements.map((element) => [element, topOf(element)]));
  const remaining = change();
  if (!moving()) return;
  for (const element of remaining) {
    for (const animation of element.getAnimations()) animation.cancel();
  }
  const tops = remaining.map(topOf);
  remaining.forEach((element, index) => {
    const way = seen.has(element) ? seen.get(element) - tops[index] : null;
    if (way === null) appear(element);
    else if (Math.abs(way) >= 1) play(element, way);
  });
}

/** Fade an element out where it is, then remove it. */
export function leave(element) {
  if (!moving()) {
    element.remove();
    return;
  }
  const fading = element.animate({ opacity: 0 }, LEAVE);
  fading.onfinish = fading.oncancel = () => element.remove();
}

function moving() {
  return !still.matches && !document.hidden;
}

function topOf(element) {
  return element.getBoundingClientRect().top + scrollY;
}

function play(element, way) {
  // Who rises passes over who falls.
  const zIndex = way > 0 ? "2" : "1";
  element.animate(
    [
      { transform: `translateY(${way}px)`, zIndex },
      { transform: "none", zIndex },
    ],
    GLIDE,
  );
}

function appear(element) {
  element.animate([{ opacity: 0, transform: "translateY(40%)" }, { opacity: 1 }], APPEAR);
}
