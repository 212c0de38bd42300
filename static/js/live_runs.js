/** One socket for many runs: states and progress of all of them, and the full events of those that a page watches. */
import { socketUrl } from './api.js';
import { Backoff, LOOK_MS, SLEPT_MS } from './live.js';

/** @typedef {(event: import('./types.js').RunEvent) => void} Listener */

/** @type {WebSocket | null} */
let socket = null;
let timer = 0;
let connected = false;
const backoff = new Backoff();
/** @type {Set<Listener>} */
const allListeners = new Set();
/** @type {Map<string, {after: number, listener: Listener}>} */
const watched = new Map();
/** @type {Set<(status: import('./types.js').Status) => void>} */
const labListeners = new Set();
/** @type {Set<(connected: boolean) => void>} */
const stateListeners = new Set();

const send = (message) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
const isNeeded = () => allListeners.size > 0 || watched.size > 0;

/** @param {boolean} next */
function setConnected(next) {
  if (connected === next) return;
  connected = next;
  stateListeners.forEach((listener) => listener(next));
}

function connect() {
  clearTimeout(timer);
  if (socket || !isNeeded()) return;
  const current = new WebSocket(socketUrl('/api/v1/events'));
  socket = current;
  current.onopen = () => {
    backoff.reset();
    setConnected(true);
    if (allListeners.size > 0) send({ subscribe: { runs: 'all' } });
    watched.forEach(({ after }, run) => send({ subscribe: { run, after } }));
  };
  current.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.type === 'lab') labListeners.forEach((listener) => listener(event));
    if (event.type === 'status' || event.type === 'progress') allListeners.forEach((listener) => listener(event));
    const watch = event.run ? watched.get(event.run) : undefined;
    // The news about all runs may leave some out; only the next event of the watched run itself may be taken.
    if (watch && event.seq === watch.after + 1) {
      watch.after = event.seq;
      watch.listener(event);
    }
  };
  current.onclose = () => {
    if (socket !== current) return;
    socket = null;
    setConnected(false);
    if (isNeeded()) timer = setTimeout(connect, backoff.next());
  };
}

/** Closes the socket a little later, so that going from page to page keeps it. */
function release() {
  setTimeout(() => {
    if (isNeeded()) return;
    clearTimeout(timer);
    const open = socket;
    socket = null;
    open?.close();
    setConnected(false);
  }, 1000);
}

/** Status and progress events of every run, each with `run`. @param {Listener} listener @returns {() => void} call it to stop */
export function followAllRuns(listener) {
  allListeners.add(listener);
  if (allListeners.size === 1) send({ subscribe: { runs: 'all' } });
  connect();
  return () => {
    allListeners.delete(listener);
    release();
  };
}

/**
 * Every event of one run after `after`, exactly once and in order.
 * @param {string} run @param {number} after @param {Listener} listener @returns {() => void} call it to stop
 */
export function watchRun(run, after, listener) {
  watched.set(run, { after, listener });
  send({ subscribe: { run, after } });
  connect();
  return () => {
    if (watched.get(run)?.listener !== listener) return;
    watched.delete(run);
    send({ unsubscribe: { run } });
    release();
  };
}

/** The lab's counts whenever they change, while all runs are followed. @param {(status: import('./types.js').Status) => void} listener @returns {() => void} */
export function onLab(listener) {
  labListeners.add(listener);
  return () => labListeners.delete(listener);
}

/** Whether the news arrive. @param {(connected: boolean) => void} listener told now and after every change @returns {() => void} */
export function onNewsState(listener) {
  stateListeners.add(listener);
  listener(connected);
  return () => stateListeners.delete(listener);
}

let looked = Date.now();
setInterval(() => {
  const slept = Date.now() - looked > SLEPT_MS;
  looked = Date.now();
  if (!slept || !socket) return;
  // The computer has slept: the socket is dead, though nothing says so.
  const dead = socket;
  socket = null;
  dead.close();
  setConnected(false);
  backoff.reset();
  connect();
}, LOOK_MS);
