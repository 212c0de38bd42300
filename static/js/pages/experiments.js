/** The start page: one card per experiment, each with the curve of its newest run that has one and one click to a new one. */
import { armsOfRun, armStyle, inCardOrder } from '../arms.js';
import { get, getCatalogue, newIdempotencyKey, post } from '../api.js';
import { Series } from '../charts/series.js';
import { Spark } from '../charts/spark.js';
import { formatDuration, formatValue } from '../format.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { labRuns } from '../live_runs.js';
import { useLoad, useTitle } from '../load.js';
import { useNewsBack } from '../news_state.js';
import { notifyError } from '../notice.js';
import { navigate } from '../router.js';
import { StatusWord } from '../run/status_face.js';
import { TERMINAL } from '../run/run_data.js';
import { useCanWrite } from '../session.js';
import { useDark } from '../theme.js';

const PICTURE_HEIGHT = 112;
/** Height of the picture where a card has the width of the page. */
const WIDE_PICTURE_HEIGHT = 232;
/** Up to this many cards are wide. */
const FEW_CARDS = 2;

/** The preset for the first click: `glance` where there is one, else `quick`. @param {import('../types.js').Card} card */
const firstPreset = (card) => card.presets.find((preset) => preset.id === 'glance') ?? card.presets.find((preset) => preset.id === 'quick') ?? card.presets[0];

/** The metric that a thumbnail shows: the first of the first panel of curves. @param {import('../types.js').Card} card */
const mainMetric = (card) => card.panels.find((panel) => panel.kind === 'series')?.metrics?.[0] ?? card.metrics[0]?.name;

/** How many runs are looked at for one that has points. */
const RUNS_LOOKED_AT = 10;

/**
 * The run to show and its points of one metric: the newest that has points or is about to. One that ended or was paused before its
 * first point would only hide the curve of the one before; it is shown where there is no other.
 * @param {string} experiment @param {string | undefined} metric
 */
async function findShownRun(experiment, metric) {
  const page = await get(`/api/v1/runs?experiment=${experiment}&limit=${RUNS_LOOKED_AT}`);
  if (!metric) return { run: page.items[0] ?? null, metrics: null };
  for (const run of page.items) {
    const metrics = await get(`/api/v1/runs/${run.id}/metrics?names=${encodeURIComponent(metric)}&points=200`);
    if (metrics.series.length > 0 || run.status === 'queued' || run.status === 'running') return { run, metrics };
  }
  return { run: page.items[0] ?? null, metrics: null };
}

/** The newest run of an experiment and the points of one metric, kept up to date while it runs. @param {import('../types.js').Card} card */
function useNewestRun(card) {
  const [run, setRun] = useState(/** @type {import('../types.js').Run | null | undefined} */ (undefined));
  const [version, setVersion] = useState(0);
  const series = useRef(/** @type {Map<string | null, Series>} */ (new Map()));
  const [round, setRound] = useState(0);
  const metric = mainMetric(card);
  useEffect(() => {
    let stop = () => {};
    let wanted = true;
    (async () => {
      const { run: newest, metrics } = await findShownRun(card.id, metric);
      const lines = new Map();
      if (newest && metrics) {
        const add = (name, arm, step, value) => {
          if (name !== metric) return;
          if (!lines.has(arm)) lines.set(arm, new Series(name, arm));
          lines.get(arm).append(step, value);
        };
        for (const one of metrics.series) one.steps.forEach((step, i) => add(one.name, one.arm, step, one.values[i]));
        if (!wanted) return;
        if (!TERMINAL.has(newest.status)) {
          stop = labRuns.watch(newest.id, metrics.last_seq, (event) => {
            if (event.type === 'metrics') {
              for (const point of event.points) add(point.name, point.arm, point.step, point.value);
              setVersion((n) => n + 1);
            } else if (event.type === 'status') setRun((old) => (old ? { ...old, status: event.status } : old));
            else if (event.type === 'progress') {
              setRun((old) => (old ? { ...old, progress: { ...old.progress, step: event.step, total: event.total, percent: event.total ? (100 * event.step) / event.total : 0 } } : old));
            }
          });
        }
      }
      if (!wanted) return stop();
      series.current = lines;
      setRun(newest);
      setVersion((n) => n + 1);
    })().catch(() => wanted && setRun(null));
    return () => {
      wanted = false;
      stop();
    };
  }, [card.id, round]);
  return { run, series: series.current, version, metric, reload: () => setRound((n) => n + 1) };
}

/**
 * @param {{card: import('../types.js').Card, canWrite: boolean, newRun: number, wide: boolean}} props `newRun` counts runs made elsewhere
 */
function ExperimentCard({ card, canWrite, newRun, wide }) {
  useDark();
  const { run, series, version, metric, reload } = useNewestRun(card);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (newRun > 0) reload();
  }, [newRun]);
  const preset = firstPreset(card);
  const start = async () => {
    setBusy(true);
    try {
      const made = await post('/api/v1/runs', { experiment: card.id, preset: preset.id }, { idempotencyKey: newIdempotencyKey() });
      navigate(`/runs/${made.id}`);
    } catch (error) {
      notifyError(error);
      setBusy(false);
    }
  };
  const arms = inCardOrder(card.arms, series.keys());
  const lines = arms.map((arm) => {
    const one = /** @type {Series} */ (series.get(arm));
    return { steps: one.steps, values: one.values, style: armStyle(card.arms, arm) };
  });
  const best = arms.map((arm) => series.get(arm)?.lastValue ?? NaN).filter(Number.isFinite);
  const title = card.metrics.find((known) => known.name === metric)?.title ?? metric;
  const alive = run && !TERMINAL.has(run.status);
  const seconds = preset?.expected_seconds;
  const height = wide ? WIDE_PICTURE_HEIGHT : PICTURE_HEIGHT;
  const curveless = alive ? 'The curve starts with the first point.' : 'This run has no such curve.';
  return html`<article class=${wide ? 'experiment wide' : 'experiment'}>
    <a class="picture" href=${run ? `/runs/${run.id}` : `/new/${card.id}`} style=${{ height: `${height}px` }} aria-label=${run ? `Newest run of ${card.title}${lines.length > 0 ? '' : `. ${curveless}`}` : `Configure ${card.title}`}>
      ${run && lines.length > 0
        ? html`<${Spark} lines=${lines} total=${alive ? run.progress.total : null} height=${height} version=${version} label=${`${title} of the newest run`} />`
        : html`<span class="picture-empty">${run === undefined ? '' : run ? curveless : html`<span>No run yet. One click on <b>Run ${preset?.id}</b> draws its ${String(title ?? 'curve').toLowerCase()} here${seconds ? ` in about ${formatDuration(seconds)}` : ''}.</span>`}</span>`}
    </a>
    <div class="picture-note number">
      ${run ? html`<${StatusWord} run=${run} /> <span title=${title}>${title}</span> <span>${best.length > 0 ? `${formatValue(Math.min(...best), metric)} to ${formatValue(Math.max(...best), metric)}` : ''}</span>` : html`<span class="quiet">${armsOfRun(card, {}).length || ''} ${card.arms.length ? 'systems side by side' : ''}</span>`}
    </div>
    <h2>${card.title}</h2>
    <p>${card.summary}</p>
    ${card.paper && html`<p class="quiet paper"><a href=${card.paper.url} rel="noreferrer" title=${card.paper.title}>${card.paper.title}</a>, ${card.paper.year}</p>`}
    <div class="actions">
      ${canWrite && preset && html`<button class="primary" disabled=${busy} onClick=${start} title=${preset.description}>▶ Run ${preset.id}</button>`}
      <a class="button" href=${`/new/${card.id}`}>Configure…</a>
      ${seconds !== undefined && html`<span class="quiet number">~${formatDuration(seconds)}</span>`}
    </div>
  </article>`;
}

export function ExperimentsPage() {
  useTitle('Engram');
  const canWrite = useCanWrite();
  const { value: cards, error } = useLoad(getCatalogue, []);
  const [wanted, setWanted] = useState('');
  const [newest, setNewest] = useState(/** @type {Record<string, number>} */ ({}));
  const known = useRef(/** @type {Map<string, string>} */ (new Map()));
  const [round, setRound] = useState(0);
  // Runs made while the news were lost are found by looking again.
  useNewsBack(() => setRound((n) => n + 1));
  useEffect(
    () =>
      labRuns.followAll(async (event) => {
        // The first word of a run not seen before: its experiment's card gets its curve.
        if (event.type !== 'status' || !event.run || known.current.has(event.run) || (event.status !== 'queued' && event.status !== 'running')) return;
        known.current.set(event.run, '');
        const run = await get(`/api/v1/runs/${event.run}`).catch(() => null);
        if (run) setNewest((old) => ({ ...old, [run.experiment]: (old[run.experiment] ?? 0) + 1 }));
      }),
    [],
  );
  const needle = wanted.toLowerCase();
  const shown = (cards ?? []).filter((card) => `${card.id} ${card.title} ${card.summary} ${card.paper?.title} ${card.paper?.year}`.toLowerCase().includes(needle));
  return html`<main class="page">
    <div class="page-head">
      <h1>Experiments</h1>
      ${cards && cards.length > 3 && html`<input type="search" placeholder="Filter" aria-label="Filter experiments" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} />`}
    </div>
    ${error && html`<p class="fault">${error.message}</p>`}
    <div class="experiments">${shown.map((card) => html`<${ExperimentCard} key=${card.id} card=${card} canWrite=${canWrite} newRun=${(newest[card.id] ?? 0) + round} wide=${(cards ?? []).length <= FEW_CARDS} />`)}</div>
    ${cards && shown.length === 0 && html`<p class="quiet">No experiment has this in its title or summary.</p>`}
  </main>`;
}
