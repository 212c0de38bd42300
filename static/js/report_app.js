/** A run as one page without a server: what the run's page would ask for is answered from what this page carries. */
import { formatBytes } from './format.js';
import { html, render, useEffect, useState } from './html.js';
import { RunData } from './run/run_data.js';
import { RunView } from './run/run_view.js';
import { StatusFace } from './run/status_face.js';
import { useRunTopics } from './run/watch.js';
import { ThemeSwitch } from './theme_switch.js';
import { When } from './when.js';

/** @typedef {{path: string, bytes: number, sha256: string}} RecordedFile */

/**
 * @type {{made_at: string, run: import('./types.js').Run, card: import('./types.js').Card | null, evidence: any,
 *   metrics: {last_seq: number, series: any[]}, before: {run: import('./types.js').Run, metrics: {series: any[]}}[], frames: import('./types.js').FrameRef[], bodies: Record<string, any>, frame_count: number,
 *   logs: import('./types.js').LogLine[], files: RecordedFile[]}}
 */
const recorded = JSON.parse(document.getElementById('recorded')?.textContent ?? '{}');

/** The address that the run seems to have. */
const BASE = '/recorded';

/** The points between two steps. @param {any} series @param {number} from @param {number} to */
function cut(series, from, to) {
  const kept = series.steps.map((_, i) => i).filter((i) => series.steps[i] >= from && series.steps[i] <= to);
  const pick = (list) => kept.map((i) => list[i]);
  return { ...series, steps: pick(series.steps), times: pick(series.times), values: pick(series.values) };
}

/** @param {{series: any[]}} all @param {URLSearchParams} query */
function metrics(all, query) {
  const wanted = (name) => query.get(name)?.split(',').filter(Boolean) ?? [];
  const [names, arms] = [wanted('names'), wanted('arms')];
  const series = all.series.filter((one) => (names.length === 0 || names.includes(one.name)) && (arms.length === 0 || arms.includes(one.arm ?? 'null')));
  const [from, to] = [query.get('from_step'), query.get('to_step')];
  if (from === null && to === null) return { ...all, series };
  return { ...all, series: series.map((one) => cut(one, from === null ? -Infinity : Number(from), to === null ? Infinity : Number(to))) };
}

/** What a server would answer; `undefined` for what was not recorded. @param {string} address */
function answer(address) {
  const { pathname, searchParams } = new URL(address, 'https://recorded.invalid');
  const list = (items) => ({ items, next_cursor: null });
  if (pathname === BASE) return recorded.run;
  if (pathname === `${BASE}/metrics`) return metrics(recorded.metrics, searchParams);
  if (pathname === `${BASE}/frames`) return list(recorded.frames);
  if (pathname === `${BASE}/logs`) return list(recorded.logs);
  if (pathname === `${BASE}/artifacts`) return list([]);
  if (pathname === `${BASE}/evidence`) return recorded.evidence;
  // What a fork goes on from lies beside it.
  const before = recorded.before.find(({ run }) => pathname.split('/')[1] === run.id);
  if (before) return pathname.endsWith('/metrics') ? metrics(before.metrics, searchParams) : before.run;
  return recorded.bodies[pathname.slice(`${BASE}/frames/`.length)];
}

globalThis.fetch = async (input) => {
  const body = answer(String(input));
  return new Response(JSON.stringify(body ?? {}), { status: body === undefined ? 404 : 200, headers: { 'content-type': 'application/json' } });
};

/** A socket that has nothing to say: the log of the run ends where the page was made. */
class SilentSocket {
  constructor() {
    /** @type {(() => void) | null} */
    this.onopen = null;
    /** @type {((close: {code: number}) => void) | null} */
    this.onclose = null;
    setTimeout(() => {
      this.onopen?.();
      this.onclose?.({ code: 1000 });
    });
  }
  close() {}
}
globalThis.WebSocket = /** @type {any} */ (SilentSocket);

// Pictures are shown by their address, which here is the picture itself.
for (const frame of recorded.frames) if (frame.kind === 'image') frame.url = `data:image/png;base64,${recorded.bodies[frame.seq]}`;

function Report() {
  const { run, card } = recorded;
  const [data] = useState(() => new RunData({ base: BASE, anonymous: true }));
  useEffect(() => {
    data.open();
    return () => data.close();
  }, []);
  useRunTopics(data, 'run', 'live');
  const title = run.name || [card?.title ?? run.experiment, run.preset].filter(Boolean).join(' · ');
  const missing = recorded.frame_count - recorded.frames.length;
  return html`<header class="bar-top"><span class="brand">Engram</span><span class="quiet read-only">report of <${When} time=${recorded.made_at} />, complete in this file</span><span class="counts"></span><${ThemeSwitch} /></header>
    <main class="page run-page shared report">
      <div class="run-head"><div>
        <h1>${title} <span class="quiet">seed ${run.seed}</span></h1>
        ${data.run && html`<${StatusFace} run=${data.run} rate=${null} live=${data.live} />`}
      </div></div>
      ${card?.summary && html`<p class="lead">${card.summary}</p>`}
      ${data.run ? html`<${RunView} data=${data} card=${card} />` : html`<p class="quiet loading">Reading the run …</p>`}
      ${recorded.files.length > 0 &&
      html`<section><h2>Files of the run, not in this page</h2><ul class="files">${recorded.files.map((file) => html`<li key=${file.path}><span>${file.path}</span> <span class="number quiet" title=${`sha256 ${file.sha256}`}>${formatBytes(file.bytes)}</span></li>`)}</ul></section>`}
      <p class="caption">
        ${card?.title ?? run.experiment}, preset ${run.preset ?? 'none'}, seed ${run.seed}, Engram ${run.engram_version ?? ''}, run ${run.id}.
        ${card?.paper && html` After <a href=${card.paper.url} rel="noreferrer">${card.paper.title}</a>, ${card.paper.year}.`}
        ${' '}Long curves are reduced so that no spike vanishes.
        ${missing > 0 && ` ${recorded.frames.length} of ${recorded.frame_count} pictures are here.`}
      </p>
    </main>`;
}

const root = document.getElementById('app');
if (root) render(html`<${Report} />`, root);
document.title = `${document.title} · report`;
