/** UUIDv7 (RFC 9562, section 5.7): the ids of acts. */

const COUNTER_LIMIT = 1 << 12;

let lastMs = 0;
let counter = 0;

/** A new UUIDv7. The ids of one program grow, so that acts are counted in the order made. */
export function newId() {
  const random = crypto.getRandomValues(new Uint16Array(5));
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    counter = random[0] % (COUNTER_LIMIT / 2);
  } else {
    counter += 1;
    if (counter === COUNTER_LIMIT) {
      lastMs += 1;
      counter = 0;
    }
  }
  const time = hex(lastMs, 12);
  const variant = hex(0x8000 | (random[1] & 0x3fff), 4);
  const rest = [...random.slice(2)].map((part) => hex(part, 4)).join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-${hex(0x7000 | counter, 4)}-${variant}-${rest}`;
}

function hex(number, digits) {
  return number.toString(16).padStart(digits, "0");
}
