/** Tells when this computer has slept: its sockets may be dead then, though nothing has said so. */

/** How often the clock is looked at, and by how much more it must have gone on. */
const LOOK_MS = 5000;
const SLEPT_MS = 20000;

/** @type {Set<() => void>} */
const sleepers = new Set();
let last = Date.now();
let timer = 0;

function look() {
  const now = Date.now();
  // A page in the background is woken once a minute by some browsers; a new connection then does no harm.
  const slept = now - last > LOOK_MS + SLEPT_MS;
  last = now;
  if (slept) [...sleepers].forEach((sleeper) => sleeper());
}

/** @param {() => void} sleeper told after a sleep @returns {() => void} call it to stop */
export function onWake(sleeper) {
  if (sleepers.size === 0) {
    last = Date.now();
    timer = setInterval(look, LOOK_MS);
  }
  sleepers.add(sleeper);
  return () => {
    sleepers.delete(sleeper);
    if (sleepers.size === 0) clearInterval(timer);
  };
}
