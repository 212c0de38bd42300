/** One socket for the lab: states and progress of all runs, the full events of those that a page watches, and the counts of the header. */
import { socketUrl } from './api.js';
import { Backoff } from './live.js';
import { onWake } from './wake.js';

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
/** @type {Set<(counts: import('./types.js').LabCounts) => void>} */
const labListeners = new Set();
/** @type {Set<(connected: boolean) => void>} */
const stateListeners = new Set();
let stopWaking = () => {};

const send = (message) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
const isNeeded = () => allListeners.size > 0 || labListeners.size > 0 || watched.size > 0;

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
  stopWaking();
  stopWaking = onWake(() => {
    backoff.reset();
    lose(current);
    connect();
  });
  current.onopen = () => {
    backoff.reset();
    setConnected(true);
    if (allListeners.size > 0) send({ subscribe: { runs: 'all' } });
    if (labListeners.size > 0) send({ subscribe: { lab: 'counts' } });
    watched.forEach(({ after }, run) => send({ subscribe: { run, after } }));
  };
  current.onmessage = (message) => {
    if (socket !== current) return;
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
    lose(current);
    if (isNeeded()) timer = setTimeout(connect, backoff.next());
  };
}

/** Lets go of a socket that brings nothing any more. @param {WebSocket} old */
function lose(old) {
  if (socket !== old) return;
  socket = null;
  stopWaking();
  old.close();
  setConnected(false);
}

/** Closes the socket a little later, so that going from page to page keeps it. */
function release() {
  setTimeout(() => {
    if (isNeeded()) return;
    clearTimeout(timer);
    if (socket) lose(socket);
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

/** How many workers and runs there are, now and after every change. @param {(counts: import('./types.js').LabCounts) => void} listener @returns {() => void} call it to stop */
export function followLab(listener) {
  labListeners.add(listener);
  send({ subscribe: { lab: 'counts' } });
  connect();
  return () => {
    labListeners.delete(listener);
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

/** Whether the news arrive. @param {(connected: boolean) => void} listener told now and after every change @returns {() => void} */
export function onNewsState(listener) {
  stateListeners.add(listener);
  listener(connected);
  return () => stateListeners.delete(listener);
}
