/** The page behind a share link: one run like a figure, a sweep's table and its runs, or several runs over each other, live and read-only. */
import { get, Problem } from './api.js';
import { formatConfig, formatWhen } from './format.js';
import { html, render, useEffect, useLayoutEffect, useState } from './html.js';
import { useInterval } from './load.js';
import { startRouter, useQuery } from './router.js';
import { ExportMenu } from './run/export_menu.js';
import { RunData } from './run/run_data.js';
import { RunView } from './run/run_view.js';
import { StatusFace } from './run/status_face.js';
import { useRunTopics } from './run/watch.js';
import { RunAgain } from './share/again.js';
import { SharedRuns } from './share/shared_runs.js';
import { cellName } from './sweep/estimates.js';
import { isGoingOn, SweepFace } from './sweep/sweep_face.js';
import { SweepTable } from './sweep/sweep_table.js';
import { ThemeSwitch } from './theme_switch.js';

const base = `/api/v1/shared/${location.pathname.split('/')[2] ?? ''}`;
const anonymous = { anonymous: true };
/** How often the table of a shared sweep is asked for while its runs go on. */
const ASK_AGAIN_MS = 3000;

/** Whether the link is no longer valid, as opposed to a server that does not answer. */
const isGone = () => get(base, anonymous).then(() => false, (problem) => problem instanceof Problem && problem.status === 404);

/** @param {any} share @param {string} experiment @returns {Promise<import('./types.js').Card | null>} */
async function cardOf(share, experiment) {
  const sent = [...(share.experiments ?? []), ...(share.experiment?.id ? [share.experiment] : [])].find((card) => card.id === experiment);
  if (sent) return sent;
  // Without login the catalogue is open; with it the page draws from what the run has recorded.
  return get(`/api/v1/experiments/${experiment}`, anonymous).catch(() => null);
}

function Gone() {
  useEffect(() => {
    document.title = 'This link is no longer valid';
  }, []);
  return html`<main class="page gone"><h1>This link is no longer valid</h1><p>It was revoked or has expired. Ask whoever sent it for a new one.</p></main>`;
}

/** A run of a share in a few words: its values in the grid of its sweep, and its seed. @param {any} share @param {import('./types.js').Run} run */
function runName(share, run) {
  if (!share.sweep) return run.name || `seed ${run.seed}`;
  const values = Object.fromEntries(Object.keys(share.sweep.grid).map((field) => [field, run.config[field]]));
  return [cellName(values, formatConfig), `seed ${run.seed}`].filter(Boolean).join(', ');
}

/** @param {{sweep: import('./types.js').SweepDetail, card: import('./types.js').Card | null, title: string}} props */
function SharedSweep({ sweep, card, title }) {
  return html`<div class="run-head"><div><h1>${title || sweep.name || [card?.title ?? sweep.experiment, sweep.preset].join(' · ')}</h1><${SweepFace} sweep=${sweep} /></div></div>
    ${card?.summary && html`<p class="lead">${card.summary}</p>`}
    ${card && html`<${SweepTable} sweep=${sweep} card=${card} source=${{ sweep: base, base, anonymous: true }} />`}`;
}

/** @param {{data: RunData, share: any, card: import('./types.js').Card | null}} props */
function SharedRun({ data, share, card }) {
  useRunTopics(data, 'run', 'live');
  const { run, live } = data;
  const [revoked, setRevoked] = useState(false);
  useLayoutEffect(() => {
    // After the run's last event no socket is open that could tell of a revocation, so it is asked for whenever someone looks again.
    const look = () => document.visibilityState === 'visible' && isGone().then((gone) => gone && setRevoked(true));
    document.addEventListener('visibilitychange', look);
    addEventListener('focus', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      removeEventListener('focus', look);
    };
  }, []);
  if (live.state === 'gone' || revoked) return html`<${Gone} />`;
  if (!run) return html`<main class="page"><p class="quiet loading">Reading the run …</p></main>`;
  const { sweep } = share;
  const isOne = (share.runs?.length ?? 1) < 2 && !sweep;
  return html`<main class="page run-page shared">
    ${sweep && html`<${SharedSweep} sweep=${sweep} card=${card} title=${share.title} />`}
    ${!sweep && !isOne && html`<${SharedRuns} runs=${share.runs} cards=${share.experiments} base=${base} title=${share.title} />`}
    <div class="run-head">
      <div>
        ${!isOne ? html`<h2>Run ${runName(share, run)}</h2>` : html`<h1>${share.title || run.name || [card?.title ?? run.experiment, run.preset].filter(Boolean).join(' · ')}</h1>`}
        <${StatusFace} run=${run} rate=${data.stepsPerSecond} live=${live} />
      </div>
      <div class="run-actions"><${ExportMenu} base=${`${base}/runs/${run.id}`} /></div>
    </div>
    ${run.status === 'failed' && html`<div class="callout is-failed"><p><b>${run.status_reason}</b></p></div>`}
    ${card?.summary && isOne && html`<p class="lead">${card.summary}</p>`}
    <${RunView} data=${data} card=${card} />
    <${RunAgain} key=${run.id} run=${run} />
    <p class="caption">
      ${card?.title ?? run.experiment}, preset ${run.preset ?? 'none'}, seed ${run.seed}, Engram ${run.engram_version ?? ''}.
      ${card?.paper && html` After <a href=${card.paper.url} rel="noreferrer">${card.paper.title}</a>, ${card.paper.year}.`}
      ${share.expires_at && ` This link ends ${formatWhen(share.expires_at)}.`}
    </p>
  </main>`;
}

function SharePage() {
  const [share, setShare] = useState(/** @type {any} */ (null));
  const [data, setData] = useState(/** @type {RunData | null} */ (null));
  const [card, setCard] = useState(/** @type {import('./types.js').Card | null} */ (null));
  const [gone, setGone] = useState(false);
  const [error, setError] = useState('');
  const [chosen, setChosen] = useQuery('run');
  useEffect(() => {
    get(base, anonymous).then(setShare, (problem) => (problem.status === 404 ? setGone(true) : setError(problem.message)));
  }, []);
  useInterval(() => {
    if (!gone && share?.sweep && isGoingOn(share.sweep)) get(base, anonymous).then(setShare, (problem) => problem.status === 404 && setGone(true));
  }, ASK_AGAIN_MS);
  const runs = /** @type {import('./types.js').Run[]} */ (share?.runs ?? (share?.run ? [share.run] : []));
  const runId = runs.find((run) => run.id === chosen)?.id ?? runs[0]?.id ?? share?.run_id ?? share?.run_ids?.[0] ?? null;
  useEffect(() => {
    if (!runId) return undefined;
    const opened = new RunData({ base: `${base}/runs/${runId}`, anonymous: true, isGone });
    setData(opened);
    const stop = opened.on('run', () => {
      stop();
      cardOf(share, opened.run?.experiment ?? '').then(setCard);
    });
    opened.open().catch((problem) => (problem.status === 404 ? setGone(true) : setError(problem.message)));
    return () => {
      stop();
      opened.close();
    };
  }, [runId]);
  return html`<header class="bar-top"><span class="brand">Engram</span><span class="quiet read-only">shared, read-only</span>
      ${runs.length > 1 && html`<select aria-label="Run" onChange=${(event) => setChosen(event.currentTarget.value)}>${runs.map((run) => html`<option value=${run.id} selected=${run.id === runId}>${runName(share, run)}</option>`)}</select>`}
      <span class="counts"></span><${ThemeSwitch} /></header>
    ${gone ? html`<${Gone} />` : error ? html`<main class="page"><p class="fault">${error}</p></main>` : data && share ? html`<${SharedRun} key=${runId} data=${data} share=${share} card=${card} />` : html`<main class="page"><p class="quiet loading">Reading the run …</p></main>`}`;
}

startRouter();
const root = document.getElementById('app');
if (root) render(html`<${SharePage} />`, root);
