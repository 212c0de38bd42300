/** One socket for many runs: states and progress of all of them, and the full events of those that a page watches. */
import { socketUrl } from './api.js';
import { Backoff, LOOK_MS, SLEPT_MS } from './live.js';

/** @typedef {(event: import('./types.js').RunEvent) => void} Listener */

/** The server closes a socket with this code when the share it came through has ended. */
const SHARE_GONE = 4404;
/** A socket that nobody needs stays open so long, so that going from page to page keeps it. */
const RELEASE_MS = 1000;

export class ManyRuns {
  /**
   * @param {string} path address of the socket
   * @param {{isGone: () => Promise<boolean>, onGone: () => void}} [share] of a share: whether it has ended, asked when a connection could not be
   *   made, and what to do then
   */
  constructor(path, share) {
    this.path = path;
    this.share = share;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.timer = 0;
    this.connected = false;
    this.backoff = new Backoff();
    /** @type {Set<Listener>} */
    this.allListeners = new Set();
    /** @type {Map<string, {after: number, listener: Listener}>} */
    this.watched = new Map();
    /** @type {Set<(status: import('./types.js').Status) => void>} */
    this.labListeners = new Set();
    /** @type {Set<(connected: boolean) => void>} */
    this.stateListeners = new Set();
    let looked = Date.now();
    setInterval(() => {
      const slept = Date.now() - looked > SLEPT_MS;
      looked = Date.now();
      // The computer has slept: the socket is dead, though nothing says so.
      if (slept && this.socket) this.connectAnew();
    }, LOOK_MS);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  get isNeeded() {
    return this.allListeners.size > 0 || this.watched.size > 0;
  }

  /** @param {boolean} next */
  setConnected(next) {
    if (this.connected === next) return;
    this.connected = next;
    this.stateListeners.forEach((listener) => listener(next));
  }

  connect() {
    clearTimeout(this.timer);
    if (this.socket || !this.isNeeded) return;
    let opened = false;
    const current = new WebSocket(socketUrl(this.path));
    this.socket = current;
    current.onopen = () => {
      opened = true;
      this.backoff.reset();
      this.setConnected(true);
      if (this.allListeners.size > 0) this.send({ subscribe: { runs: 'all' } });
      this.watched.forEach(({ after }, run) => this.send({ subscribe: { run, after } }));
    };
    current.onmessage = (message) => this.take(JSON.parse(message.data));
    current.onclose = async ({ code }) => {
      if (this.socket !== current) return;
      this.socket = null;
      this.setConnected(false);
      if (this.share && (code === SHARE_GONE || (!opened && (await this.share.isGone().catch(() => false))))) this.share.onGone();
      else if (this.isNeeded) this.timer = setTimeout(() => this.connect(), this.backoff.next());
    };
  }

  connectAnew() {
    const dead = this.socket;
    this.socket = null;
    dead?.close();
    this.setConnected(false);
    this.backoff.reset();
    this.connect();
  }

  /** @param {any} event */
  take(event) {
    if (event.type === 'lab') this.labListeners.forEach((listener) => listener(event));
    if (event.type === 'status' || event.type === 'progress') this.allListeners.forEach((listener) => listener(event));
    const watch = event.run ? this.watched.get(event.run) : undefined;
    // The news about all runs may leave some out; only the next event of the watched run itself may be taken.
    if (watch && event.seq === watch.after + 1) {
      watch.after = event.seq;
      watch.listener(event);
    }
  }

  /** Closes the socket a little later, if nobody needs it then. */
  release() {
    setTimeout(() => {
      if (this.isNeeded) return;
      clearTimeout(this.timer);
      const open = this.socket;
      this.socket = null;
      open?.close();
      this.setConnected(false);
    }, RELEASE_MS);
  }

  /** Status and progress events of every run, each with `run`. @param {Listener} listener @returns {() => void} call it to stop */
  followAll(listener) {
    this.allListeners.add(listener);
    if (this.allListeners.size === 1) this.send({ subscribe: { runs: 'all' } });
    this.connect();
    return () => {
      this.allListeners.delete(listener);
      this.release();
    };
  }

  /**
   * Every event of one run after `after`, exactly once and in order.
   * @param {string} run @param {number} after @param {Listener} listener @returns {() => void} call it to stop
   */
  watch(run, after, listener) {
    this.watched.set(run, { after, listener });
    this.send({ subscribe: { run, after } });
    this.connect();
    return () => {
      if (this.watched.get(run)?.listener !== listener) return;
      this.watched.delete(run);
      this.send({ unsubscribe: { run } });
      this.release();
    };
  }

  /** The lab's counts whenever they change, while all runs are followed. @param {(status: import('./types.js').Status) => void} listener @returns {() => void} */
  onLab(listener) {
    this.labListeners.add(listener);
    return () => this.labListeners.delete(listener);
  }

  /** Whether the news arrive. @param {(connected: boolean) => void} listener told now and after every change @returns {() => void} */
  onState(listener) {
    this.stateListeners.add(listener);
    listener(this.connected);
    return () => this.stateListeners.delete(listener);
  }
}

/** The runs of this lab. */
export const labRuns = new ManyRuns('/api/v1/events');
