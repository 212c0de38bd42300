/** Follows one run over its WebSocket: every event after a number exactly once and in order, across lost connections. */
import { socketUrl } from './api.js';

/**
 * `connecting` until the first message can come; `stale` while the connection is lost; `ended` after the run's last event;
 * `gone` when the address is no longer valid.
 * @typedef {{state: 'connecting' | 'live' | 'stale' | 'ended' | 'gone', since: Date}} LiveState
 */

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
/** How often the clock is looked at, and the jump by which one knows that the computer has slept and its sockets are dead. */
const LOOK_MS = 2000;
const SLEPT_MS = 30_000;

/** Waits between attempts: doubling, with jitter so that many viewers do not return at once. */
export class Backoff {
  constructor() {
    this.wait = FIRST_WAIT_MS;
  }
  reset() {
    this.wait = FIRST_WAIT_MS;
  }
  /** @returns {number} ms to wait now */
  next() {
    const wait = this.wait * (0.7 + 0.6 * Math.random());
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    return wait;
  }
}

/**
 * @param {object} options
 * @param {string} options.path the run's events address, without query
 * @param {number} options.after the last event already known
 * @param {(event: import('./types.js').RunEvent) => void} options.onEvent
 * @param {(state: LiveState) => void} options.onState
 * @param {() => Promise<boolean>} [options.isGone] asked when a connection could not be made: whether the address is invalid for good
 * @returns {() => void} call it to stop
 */
export function followRun({ path, after, onEvent, onState, isGone }) {
  let last = after;
  let stopped = false;
  /** @type {WebSocket | null} */
  let socket = null;
  let timer = 0;
  let state = '';
  const backoff = new Backoff();

  /** @param {LiveState['state']} next */
  const enter = (next) => {
    if (stopped || state === next) return;
    state = next;
    onState({ state: next, since: new Date() });
  };
  const finish = (next) => {
    enter(next);
    stop();
  };
  const retry = () => {
    clearTimeout(timer);
    timer = setTimeout(connect, backoff.next());
  };

  function connect() {
    clearTimeout(timer);
    if (stopped) return;
    let opened = false;
    const current = new WebSocket(socketUrl(`${path}?after=${last}`));
    socket = current;
    current.onopen = () => {
      opened = true;
      enter('live');
    };
    current.onmessage = (message) => {
      if (socket !== current) return;
      const event = JSON.parse(message.data);
      if (event.seq <= last) return;
      if (event.seq !== last + 1) {
        // A hole would silently falsify the curves; the log has what is missing.
        current.close();
        return;
      }
      last = event.seq;
      backoff.reset();
      onEvent(event);
    };
    current.onclose = async (close) => {
      if (stopped || socket !== current) return;
      socket = null;
      if (close.code === 4404) return finish('gone');
      if (close.code === 1000 && opened) return finish('ended');
      enter(state === '' ? 'connecting' : 'stale');
      if (!opened && isGone && (await isGone().catch(() => false))) return finish('gone');
      if (!stopped) retry();
    };
  }

  const onOnline = () => {
    backoff.reset();
    if (!socket) connect();
  };
  const onOffline = () => {
    const lost = socket;
    socket = null;
    lost?.close();
    enter('stale');
    retry();
  };
  let looked = Date.now();
  const watch = setInterval(() => {
    const slept = Date.now() - looked > SLEPT_MS;
    looked = Date.now();
    if (!slept) return;
    backoff.reset();
    onOffline();
  }, LOOK_MS);
  addEventListener('online', onOnline);
  addEventListener('offline', onOffline);

  function stop() {
    stopped = true;
    clearInterval(watch);
    clearTimeout(timer);
    removeEventListener('online', onOnline);
    removeEventListener('offline', onOffline);
    const open = socket;
    socket = null;
    open?.close();
  }

  onState({ state: 'connecting', since: new Date() });
  connect();
  return stop;
}

export { LOOK_MS, SLEPT_MS };
