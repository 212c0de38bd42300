/** The bar on top of every page: where to go, what is alive, and the theme. */
import { post } from './api.js';
import { html } from './html.js';
import { useLostSince } from './news_state.js';
import { notifyError } from './notice.js';
import { useMe } from './session.js';
import { useStatus } from './status_counts.js';
import { ThemeSwitch } from './theme_switch.js';
import { Clock } from './when.js';

/** @type {[string, string][]} */
const PLACES = [
  ['/experiments', 'Experiments'],
  ['/runs', 'Runs'],
  ['/compare', 'Compare'],
  ['/shares', 'Shares'],
  ['/lab', 'Lab'],
];

/** @param {{path: string, onKeys: () => void}} props */
export function Header({ path, onKeys }) {
  const status = useStatus();
  const lostSince = useLostSince();
  const me = useMe();
  const isHere = (place) => path === place || path.startsWith(`${place}/`) || (place === '/experiments' && (path === '/' || path.startsWith('/new/'))) || (place === '/runs' && path.startsWith('/sweeps'));
  const logout = () => post('/api/v1/logout').then(() => location.assign('/login'), notifyError);
  const { workers, runs } = status ?? { workers: { online: 0, busy: 0 }, runs: { running: 0, queued: 0 } };
  const noWorker = status !== null && workers.online === 0;
  return html`<header class="bar-top">
    <a class="brand" href="/">Engram</a>
    <nav aria-label="Pages">${PLACES.map(([place, name]) => html`<a key=${place} href=${place} aria-current=${isHere(place) ? 'page' : undefined}>${name}</a>`)}</nav>
    ${lostSince && html`<span class="stale lab-stale" role="status">stale since <${Clock} time=${lostSince} /></span>`}
    <a class="counts number" href="/lab" title="Workers and queue" aria-label=${status ? undefined : 'Workers and queue'}>
      ${status && html`<span class=${noWorker ? 'fault' : ''}>${workers.online} ${workers.online === 1 ? 'worker' : 'workers'}</span>
      <span class=${runs.running > 0 ? 'alive' : ''}><i aria-hidden="true">●</i> ${runs.running} running</span>
      <span>${runs.queued} queued</span>`}
    </a>
    <button class="mini keys" onClick=${onKeys} title="Keys (?)" aria-label="Keys">?</button>
    <${ThemeSwitch} />
    ${me?.login && html`<button class="mini" onClick=${logout} title=${`${me.name}, ${me.role}`}>Log out</button>`}
  </header>`;
}
