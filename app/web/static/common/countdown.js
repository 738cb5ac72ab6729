/**
 * Call `onTick` with the whole seconds left, at once and then each second, and `onEnd` at the end.
 *
 * Returns a function that cancels the countdown. With 0 seconds, `onEnd` is called before the
 * function returns, and `onTick` is not called.
 */
export function countdown(seconds, onTick, onEnd) {
  const end = performance.now() + seconds * 1000;
  let timer;
  const step = () => {
    const leftMs = end - performance.now();
    if (leftMs <= 0) {
      onEnd();
      return;
    }
    onTick(Math.ceil(leftMs / 1000));
    timer = setTimeout(step, leftMs % 1000 || 1000);
  };
  step();
  return () => clearTimeout(timer);
}
