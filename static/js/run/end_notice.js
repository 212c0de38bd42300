/** A notification of the browser at the end of a run: asked for by a button, never by itself, and kept while other pages are looked at. */
import { get } from '../api.js';
import { html, useEffect, useState } from '../html.js';
import { labRuns } from '../live_runs.js';
import { notify } from '../notice.js';
import { navigate } from '../router.js';

const ENDS = { succeeded: 'has ended', failed: 'has failed', cancelled: 'was cancelled' };

/** Titles of the runs whose end will be told. @type {Map<string, string>} */
const wanted = new Map();
/** @type {Set<() => void>} */
const watchers = new Set();
const changed = () => watchers.forEach((watcher) => watcher());
let stop = () => {};

/** @param {string} id @param {string} status @param {string | null} reason */
function tell(id, status, reason) {
  const title = wanted.get(id);
  if (title === undefined || !(status in ENDS)) return;
  forget(id);
  const notification = new Notification(`${title} ${ENDS[status]}`, { body: reason ?? '', tag: id, icon: '/static/icon.svg' });
  notification.onclick = () => {
    focus();
    navigate(`/runs/${id}`);
    notification.close();
  };
}

/** @param {string} id */
function forget(id) {
  wanted.delete(id);
  if (wanted.size === 0) stop();
  changed();
}

/** @param {string} id @param {string} title */
function remember(id, title) {
  if (wanted.size === 0) {
    const stopFollowing = labRuns.followAll((event) => event.type === 'status' && tell(event.run ?? '', event.status, event.reason));
    // What ended while the news were lost is asked for.
    const stopState = labRuns.onState((connected) => {
      if (connected) [...wanted.keys()].forEach((run) => get(`/api/v1/runs/${run}`).then((now) => tell(run, now.status, now.status_reason), () => {}));
    });
    stop = () => [stopFollowing, stopState].forEach((end) => end());
  }
  wanted.set(id, title);
  changed();
}

/** @param {{id: string, title: string}} props */
export function EndNotice({ id, title }) {
  const [on, setOn] = useState(wanted.has(id));
  useEffect(() => {
    const watcher = () => setOn(wanted.has(id));
    watchers.add(watcher);
    watcher();
    return () => watchers.delete(watcher);
  }, [id]);
  // Browsers have no notifications for pages that come over plain HTTP from elsewhere.
  if (!('Notification' in window) || !isSecureContext) return null;
  const toggle = async () => {
    if (on) return forget(id);
    if ((await Notification.requestPermission()) === 'granted') remember(id, title);
    else notify('This browser was told not to show notifications of this page; its settings can change that.');
  };
  return html`<button type="button" aria-pressed=${on} onClick=${toggle} title="A notification of the browser when the run ends; this tab must stay open">${on ? 'Will notify' : 'Notify me'}</button>`;
}
