/** The page behind a share link: one run like a figure, a sweep's table and its runs, or several runs over each other, live and read-only. */
import { get, Problem } from './api.js';
import { Comparison } from './compare/comparison.js';
import { html, render, useEffect, useLayoutEffect, useMemo, useState } from './html.js';
import { ManyRuns } from './live_runs.js';
import { navigate, startRouter, useAddress } from './router.js';
import { RunData } from './run/run_data.js';
import { useRunTopics } from './run/watch.js';
import { runName, SharedRun } from './share/shared_run.js';
import { useRunNews } from './sweep/news.js';
import { isGoingOn, SweepFace } from './sweep/sweep_face.js';
import { SweepTable } from './sweep/sweep_table.js';
import { ThemeSwitch } from './theme_switch.js';

const base = `/api/v1/shared/${location.pathname.split('/')[2] ?? ''}`;
const anonymous = { anonymous: true };

/** Whether the link is no longer valid, as opposed to a server that does not answer. */
const isGone = () => get(base, anonymous).then(() => false, (problem) => problem instanceof Problem && problem.status === 404);

/** @param {any} share @param {string} experiment @returns {Promise<import('./types.js').Card | null>} */
async function cardOf(share, experiment) {
  const sent = share.experiments.find((card) => card.id === experiment);
  // Without login the catalogue is open; with it the page draws from what the run has recorded.
  return sent ?? get(`/api/v1/experiments/${experiment}`, anonymous).catch(() => null);
}

function Gone() {
  useEffect(() => {
    document.title = 'This link is no longer valid';
  }, []);
  return html`<main class="page gone"><h1>This link is no longer valid</h1><p>It was revoked or has expired. Ask whoever sent it for a new one.</p></main>`;
}

/** @param {{sweep: import('./types.js').SweepDetail, card: import('./types.js').Card | null, title: string}} props */
function SharedSweep({ sweep, card, title }) {
  return html`<div class="run-head"><div><h1>${title || sweep.name || [card?.title ?? sweep.experiment, sweep.preset].join(' · ')}</h1><${SweepFace} sweep=${sweep} /></div></div>
    ${card?.summary && html`<p class="lead">${card.summary}</p>`}
    ${card && html`<${SweepTable} sweep=${sweep} card=${card} source=${{ sweep: base, base, anonymous: true }} />`}`;
}

/** The page of one run of a share, below the sweep where it is one's. @param {{share: any, runId: string, onGone: () => void, children?: any}} props */
function RunPage({ share, runId, onGone, children }) {
  // `undefined` while it is asked for, `null` where there is none.
  const [card, setCard] = useState(/** @type {import('./types.js').Card | null | undefined} */ (undefined));
  const [error, setError] = useState('');
  const data = useMemo(() => new RunData({ base: `${base}/runs/${runId}`, anonymous: true, isGone }), [runId]);
  useRunTopics(data, 'run', 'live');
  useEffect(() => {
    const stop = data.on('run', () => {
      stop();
      cardOf(share, data.run?.experiment ?? '').then(setCard);
    });
    data.open().catch((problem) => (problem.status === 404 ? onGone() : setError(problem.message)));
    return () => {
      stop();
      data.close();
    };
  }, [data]);
  useEffect(() => {
    if (data.live.state === 'gone') onGone();
  }, [data.live.state]);
  if (error) return html`<main class="page"><p class="fault">${error}</p></main>`;
  return html`<main class="page run-page shared">
    ${share.sweep && card !== undefined && html`<${SharedSweep} sweep=${share.sweep} card=${card} title=${share.title} />`}
    ${children}
    ${card === undefined ? html`<p class="quiet loading">Reading the run …</p>` : html`<${SharedRun} data=${data} share=${share} card=${card} base=${base} isAlone=${share.runs.length < 2 && !share.sweep} />`}
  </main>`;
}

/**
 * Which run is looked at.
 * @param {{share: any, runs: import('./types.js').Run[], chosen: string | undefined, isComparison: boolean}} props
 */
function RunChoice({ share, runs, chosen, isComparison }) {
  const choose = (id) => {
    const url = new URL(location.href);
    // How the comparison is looked at says nothing of how a run is.
    if (isComparison) url.search = '';
    if (id) url.searchParams.set('run', id);
    navigate(url.href, { replace: !isComparison });
  };
  return html`<select aria-label="Run" onChange=${(event) => choose(event.currentTarget.value)}>
    ${isComparison && html`<option value="" selected=${chosen === ''}>all ${runs.length} runs</option>`}
    ${runs.map((run) => html`<option key=${run.id} value=${run.id} selected=${run.id === chosen}>${runName(share, run)}</option>`)}
  </select>`;
}

function SharePage() {
  const [share, setShare] = useState(/** @type {any} */ (null));
  const [gone, setGone] = useState(false);
  const [error, setError] = useState('');
  const { query } = useAddress();
  const onGone = () => setGone(true);
  const read = () => get(base, anonymous).then(setShare, (problem) => (problem.status === 404 ? setGone(true) : setError(problem.message)));
  const news = useMemo(() => new ManyRuns(`${base}/events`, { isGone, onGone }), []);
  useEffect(() => {
    read();
  }, []);
  useRunNews(!gone && Boolean(share?.sweep && isGoingOn(share.sweep)), read, news);
  useLayoutEffect(() => {
    // After a run's last event no socket is open that could tell of a revocation, so it is asked for whenever someone looks again.
    const look = () => document.visibilityState === 'visible' && isGone().then((is) => is && setGone(true));
    document.addEventListener('visibilitychange', look);
    addEventListener('focus', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      removeEventListener('focus', look);
    };
  }, []);
  const runs = /** @type {import('./types.js').Run[]} */ (share?.runs ?? []);
  const isComparison = runs.length > 1 && !share.sweep;
  const chosen = runs.find((run) => run.id === query.get('run'))?.id ?? (isComparison ? '' : runs[0]?.id);
  const pageOf = (run) => `${location.pathname}?run=${run.id}`;
  useEffect(() => {
    if (isComparison) scrollTo(0, 0);
  }, [chosen]);
  const source = useMemo(() => ({ curves: `${base}/curves`, anonymous: true, news, pageOf }), []);
  const compared = useMemo(() => ({ runs, cards: share?.experiments ?? [], left: 0 }), [share]);
  const title = share?.title || `Runs of ${(share?.experiments ?? []).map((card) => card.title).join(' and ')}`;
  return html`<header class="bar-top"><span class="brand">Engram</span><span class="quiet read-only">shared, read-only</span>
      ${runs.length > 1 && html`<${RunChoice} share=${share} runs=${runs} chosen=${chosen} isComparison=${isComparison} />`}
      <span class="counts"></span><${ThemeSwitch} /></header>
    ${gone ? html`<${Gone} />` : error ? html`<main class="page"><p class="fault">${error}</p></main>` : !share ? html`<main class="page"><p class="quiet loading">Reading what is shared …</p></main>`
      : chosen === undefined ? html`<main class="page"><h1>${share.title || 'Nothing is left here'}</h1><p>What was shared has been deleted.</p></main>`
      : chosen === '' ? html`<${Comparison} compared=${compared} source=${source} title=${title} />`
      : html`<${RunPage} key=${chosen} share=${share} runId=${chosen} onGone=${onGone}>${isComparison && html`<p><a href=${location.pathname}>${title}</a></p>`}<//>`}`;
}

startRouter();
const root = document.getElementById('app');
if (root) render(html`<${SharePage} />`, root);
