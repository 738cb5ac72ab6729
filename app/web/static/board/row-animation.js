/** Animates rows from their old to their new positions (FLIP: first, last, invert, play). */

const MOVE = { duration: 650, easing: "cubic-bezier(0.22, 1, 0.36, 1)" };
const FADE_IN = { duration: 400, easing: "ease-out" };
const FADE_OUT = { duration: 250, easing: "ease-in", fill: "forwards" };
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Call `change`, which moves, adds and removes elements and returns the remaining ones, and animate
 * these. Each starts from where it was last painted, even in the middle of an earlier animation.
 */
export function animateMoves(elements, change) {
  const topBefore = new Map(elements.map((element) => [element, topOf(element)]));
  const remaining = change();
  if (!animationsWanted()) return;
  for (const element of remaining) {
    for (const animation of element.getAnimations()) animation.cancel();
  }
  const topsAfter = remaining.map(topOf);
  remaining.forEach((element, index) => {
    if (!topBefore.has(element)) {
      fadeIn(element);
      return;
    }
    const distance = topBefore.get(element) - topsAfter[index];
    if (Math.abs(distance) >= 1) move(element, distance);
  });
}

/** Fade an element out where it is, then remove it. */
export function fadeOut(element) {
  if (!animationsWanted()) {
    element.remove();
    return;
  }
  const animation = element.animate({ opacity: 0 }, FADE_OUT);
  animation.onfinish = animation.oncancel = () => element.remove();
}

/** Whether the viewer wants animations, and sees them. */
export function animationsWanted() {
  return !reducedMotion.matches && !document.hidden;
}

function topOf(element) {
  return element.getBoundingClientRect().top + scrollY;
}

function move(element, distance) {
  // Rows that rise are painted over rows that fall.
  const zIndex = distance > 0 ? "2" : "1";
  element.animate(
    [
      { transform: `translateY(${distance}px)`, zIndex },
      { transform: "none", zIndex },
    ],
    MOVE,
  );
}

function fadeIn(element) {
  element.animate([{ opacity: 0, transform: "translateY(40%)" }, { opacity: 1 }], FADE_IN);
}
