/** The face of every state a run can be in. */
import { formatDuration } from '../format.js';
import { html } from '../html.js';
import { Clock, When } from '../when.js';

/** @type {Record<string, string>} */
const WORDS = { queued: 'queued', running: 'running', paused: 'paused', succeeded: 'ended', failed: 'failed', cancelled: 'cancelled' };
/** @type {Record<string, string>} */
const SIGNS = { queued: '◌', running: '●', paused: '❚❚', succeeded: '✓', failed: '✕', cancelled: '–' };

/** Whether a running run still prepares (fetches data) instead of training. @param {import('../types.js').Run} run */
export const isPreparing = (run) => run.status === 'running' && run.progress.step === 0 && Boolean(run.status_reason);

/** The state in one word with its sign. @param {{run: Pick<import('../types.js').Run, 'status' | 'attempt'>}} props */
export function StatusWord({ run }) {
  const handedOver = run.status === 'queued' && run.attempt > 0;
  return html`<span class="status" data-status=${run.status}><i aria-hidden="true">${SIGNS[run.status]}</i> ${handedOver ? 'handed over' : WORDS[run.status]}</span>`;
}

/** @param {{percent: number, busy?: boolean, label?: string}} props */
export function ProgressBar({ percent, busy = true, label = 'Progress' }) {
  return html`<span class=${busy ? 'bar is-alive' : 'bar'} role="progressbar" aria-label=${label} aria-valuenow=${Math.round(percent)} aria-valuemin="0" aria-valuemax="100">
    <span style=${{ width: `${Math.max(0, Math.min(100, percent))}%` }}></span>
  </span>`;
}

/** The percentage in a sentence like "fetching cifar10, 41%". @param {string | null} reason */
const percentIn = (reason) => Number(/(\d+(?:\.\d+)?)\s*%/.exec(reason ?? '')?.[1] ?? NaN);

/** Parts with a dot between them. @param {any[]} parts */
const dotted = (parts) => parts.flatMap((part, index) => (index > 0 ? [' · ', part] : [part]));

/** @param {import('../types.js').Run} run @param {number | null} rate steps a second @returns {any} */
function detail(run, rate) {
  const { progress } = run;
  if (run.status === 'queued') {
    const place = run.queue?.position;
    const parts = [];
    if (run.status_reason) parts.push(run.status_reason);
    else if (run.attempt > 0) parts.push('waits for another worker and goes on from its checkpoint');
    if (place) parts.push(place === 1 ? 'next in the queue' : `${place - 1} before it in the queue`);
    if (run.queue?.expected_start) parts.push(html`expected to start at <${When} time=${run.queue.expected_start} />`);
    return parts.length > 0 ? dotted(parts) : 'waits for a worker';
  }
  if (isPreparing(run)) return run.status_reason;
  if (run.status === 'running') {
    const parts = [`${Math.floor(progress.percent)}%`];
    if (progress.eta_seconds !== null) parts.push(`${formatDuration(progress.eta_seconds)} left`);
    if (rate) parts.push(`${rate >= 100 ? Math.round(rate) : rate.toPrecision(2)} steps/s`);
    return parts.join(' · ');
  }
  if (run.status === 'paused') return `at step ${progress.step}${progress.total ? ` of ${progress.total}` : ''} · holds a checkpoint and no worker`;
  if (run.status === 'cancelled') return `at step ${progress.step}${run.status_reason ? ` · ${run.status_reason}` : ''}`;
  if (run.status === 'succeeded' && run.started_at && run.finished_at) {
    const seconds = (new Date(run.finished_at).getTime() - new Date(run.started_at).getTime()) / 1000;
    return dotted([`${progress.step} steps in ${formatDuration(seconds)}`, html`<${When} time=${run.finished_at} />`]);
  }
  return run.status_reason ?? '';
}

/** @param {{run: import('../types.js').Run, rate: number | null, live: import('../live.js').LiveState}} props */
export function StatusFace({ run, rate, live }) {
  const preparing = isPreparing(run);
  const fetched = percentIn(run.status_reason);
  const stale = live.state === 'stale';
  return html`<div class="status-face">
    <${StatusWord} run=${run} />
    <${ProgressBar} percent=${preparing ? (Number.isNaN(fetched) ? 0 : fetched) : run.progress.percent} busy=${run.status === 'running' && !stale} />
    <span class="status-detail number">${run.status === 'failed' ? '' : detail(run, rate)}</span>
    ${stale && html`<span class="stale" role="status">stale since <${Clock} time=${live.since} /> · reconnecting</span>`}
  </div>`;
}
