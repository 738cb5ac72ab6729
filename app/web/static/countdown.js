/** Call `tick` with the whole seconds left, now and each second, then `done`; returns how to cancel it. */
export function countdown(seconds, tick, done) {
  const end = performance.now() + seconds * 1000;
  let timer;
  const step = () => {
    const left = end - performance.now();
    if (left <= 0) {
      done();
      return;
    }
    tick(Math.ceil(left / 1000));
    timer = setTimeout(step, left % 1000 || 1000);
  };
  step();
  return () => clearTimeout(timer);
}
