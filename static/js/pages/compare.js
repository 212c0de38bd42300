/** Several runs over each other: curves with their mean and interval over seeds, summary numbers, and where the configs differ. */
import { get, getCard } from '../api.js';
import { armStyle, armTitle, inCardOrder } from '../arms.js';
import { acrossRuns, meanOf } from '../charts/across_runs.js';
import { ChartGroup } from '../charts/group.js';
import { LineChart } from '../charts/line_chart.js';
import { Series } from '../charts/series.js';
import { sameValue } from '../form/schema.js';
import { formatConfig, formatExact, formatSigned, formatValue, toNumber } from '../format.js';
import { html, useEffect, useMemo, useRef } from '../html.js';
import { useLoad, useTitle } from '../load.js';
import { useQuery } from '../router.js';
import { splitSummary } from '../run/results.js';
import { Scroll } from '../scroll.js';
import { useDark } from '../theme.js';

const HEIGHT = 380;
/** More than this many runs at once would be neither quick nor readable. */
const MOST_RUNS = 50;
const LONGEST_LABEL = 28;
/** Dashes that tell configs apart; colours belong to the arms. @type {number[][]} */
const CELL_DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3], [1, 3]];

/**
 * Runs with the same config, one a seed: a second run of a seed repeats the first and would feign certainty.
 * @typedef {{label: string, runs: {run: import('../types.js').Run, series: Series[]}[]}} Cell
 */

/** @param {{run: import('../types.js').Run, series: Series[]}[]} entries @returns {{cells: Cell[], differing: string[], repeats: number}} */
function cellsOf(entries) {
  const names = [...new Set(entries.flatMap(({ run }) => Object.keys(run.config)))];
  const differing = names.filter((name) => entries.some(({ run }) => !sameValue(run.config[name], entries[0].run.config[name])));
  /** @type {Cell[]} */
  const cells = [];
  let repeats = 0;
  for (const entry of entries) {
    const cell = cells.find((known) => known.runs[0].run.experiment === entry.run.experiment && sameValue(known.runs[0].run.config, entry.run.config));
    if (cell?.runs.some(({ run }) => run.seed === entry.run.seed)) repeats += 1;
    else if (cell) cell.runs.push(entry);
    else cells.push({ label: '', runs: [entry] });
  }
  // A config is named by what is its own, where that is short; its letter leads to the table of configs.
  cells.forEach((cell, index) => {
    const own = differing.map((name) => `${name} ${formatConfig(cell.runs[0].run.config[name])}`).join(', ');
    const letter = index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
    cell.label = own.length > 0 && own.length <= LONGEST_LABEL ? `${letter}: ${own}` : letter;
  });
  return { cells, differing, repeats };
}

/** @param {string[]} ids */
async function readRuns(ids) {
  const entries = await Promise.all(
    ids.slice(0, MOST_RUNS).map(async (id) => {
      const [run, metrics] = await Promise.all([get(`/api/v1/runs/${id}`), get(`/api/v1/runs/${id}/metrics?points=500`)]);
      const series = metrics.series.map((one) => {
        const made = new Series(one.name, one.arm, one.unit);
        one.steps.forEach((step, i) => made.append(step, one.values[i]));
        return made;
      });
      return { run, series };
    }),
  );
  const cards = await Promise.all([...new Set(entries.map(({ run }) => run.experiment))].map((id) => getCard(id)));
  return { entries, cards };
}

export function ComparePage() {
  useTitle('Compare');
  const [ids] = useQuery('runs');
  const list = ids.split(',').filter(Boolean);
  const { value, error } = useLoad(() => (list.length > 0 ? readRuns(list) : Promise.resolve(null)), [ids]);
  if (list.length === 0) {
    return html`<main class="page"><div class="page-head"><h1>Compare</h1></div>
      <div class="empty"><p>Selected runs lie over each other here: seeds of one config as a mean with its interval, configs side by side. Tick runs in the list and press <b>Compare</b>, or use <kbd>x</kbd> and <kbd>c</kbd>.</p>
      <a class="button primary" href="/runs">Choose runs</a></div></main>`;
  }
  if (error) return html`<main class="page"><h1>Compare</h1><p class="fault">${error.message}</p></main>`;
  if (!value) return html`<main class="page"><p class="quiet loading">Reading ${list.length} runs …</p></main>`;
  return html`<${Comparison} entries=${value.entries} cards=${value.cards} />`;
}

/** @param {{entries: {run: import('../types.js').Run, series: Series[]}[], cards: import('../types.js').Card[]}} props */
function Comparison({ entries, cards }) {
  useDark();
  const arms = cards.flatMap((card) => card.arms);
  const known = cards.flatMap((card) => card.metrics);
  const { cells, differing, repeats } = useMemo(() => cellsOf(entries), [entries]);
  const names = [...new Set(entries.flatMap(({ series }) => series.map((one) => one.name)))].sort();
  const usual = known.find((metric) => names.includes(metric.name) && metric.better !== null)?.name ?? names[0] ?? '';
  const [wanted, setWanted] = useQuery('metric');
  const [mode, setMode] = useQuery('lines', 'mean');
  const [log, setLog] = useQuery('y', 'lin');
  const metric = names.includes(wanted) ? wanted : usual;
  const lines = useMemo(
    () =>
      cells.flatMap((cell, index) => {
        const dash = CELL_DASHES[index % CELL_DASHES.length];
        const of = (arm) => cell.runs.flatMap(({ series }) => series.filter((one) => one.name === metric && one.arm === arm));
        const seen = inCardOrder(arms, cell.runs.flatMap(({ series }) => series.filter((one) => one.name === metric).map((one) => one.arm)));
        return seen.flatMap((arm) => {
          const style = () => ({ ...armStyle(arms, arm), ...(cells.length > 1 ? { dash } : {}) });
          const label = [armTitle(arms, arm), cells.length > 1 ? cell.label : ''].filter(Boolean).join(' · ');
          if (mode === 'mean') return [{ key: `${index}|${arm}`, label, style, n: of(arm).length, ...acrossRuns(of(arm)) }];
          return of(arm).map((series, i) => ({ key: `${index}|${arm}|${i}`, label: `${label} · seed ${cell.runs[i]?.run.seed}`, style, n: 1, series }));
        });
      }),
    [cells, metric, mode],
  );
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const chart = useRef(/** @type {LineChart | null} */ (null));
  useEffect(() => {
    if (!root.current) return undefined;
    const group = new ChartGroup();
    // Axes end where the longest of the runs does.
    group.total = Math.max(...entries.map(({ run }) => run.progress.total ?? 0)) || null;
    const made = new LineChart(root.current, { group, height: HEIGHT, xLog: false, yLog: log === 'log', onCursor: () => {} });
    chart.current = made;
    return () => made.destroy();
  }, []);
  useEffect(() => {
    chart.current?.setLines([]);
    chart.current?.setLines(lines);
  }, [lines]);
  useEffect(() => chart.current?.setScales(false, log === 'log'), [log]);
  const title = known.find((one) => one.name === metric)?.title ?? metric;

  return html`<main class="page">
    <div class="page-head"><h1>Compare <span class="quiet">${entries.length} runs, ${cells.length === 1 ? 'one config' : `${cells.length} configs`}${repeats > 0 ? `, ${repeats} left out: ${repeats === 1 ? 'it repeats' : 'they repeat'} a seed` : ''}</span></h1>
      <select aria-label="Metric" onChange=${(event) => setWanted(event.currentTarget.value)}>${names.map((name) => html`<option value=${name} selected=${name === metric}>${known.find((one) => one.name === name)?.title ?? name}</option>`)}</select>
      <select aria-label="Lines" onChange=${(event) => setMode(event.currentTarget.value)}><option value="mean" selected=${mode === 'mean'}>mean and 95% interval</option><option value="each" selected=${mode === 'each'}>each run</option></select>
      <button class="mini" aria-pressed=${log === 'log'} onClick=${() => setLog(log === 'log' ? 'lin' : 'log')}>log y</button>
    </div>
    <section class="panel wide" aria-label=${title}>
      <div class="chart" ref=${root} style=${{ height: `${HEIGHT}px` }}></div>
      <ul class="legend">${lines.map((line) => {
        const { color, dash, width } = line.style();
        return html`<li key=${line.key}><span class="legend-line"><svg width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} /></svg>
          <span class="legend-name">${line.label}${line.n > 1 ? ` (n ${line.n})` : ''}</span><span class="number">${line.series.lastValue === undefined ? '–' : formatValue(line.series.lastValue, metric)}</span></span></li>`;
      })}</ul>
    </section>
    <h2>Summary</h2>
    <${SummaryTable} cells=${cells} arms=${arms} />
    <h2>Configs</h2>
    ${differing.length === 0
      ? html`<p class="quiet">All of these runs have the same config; only seeds differ.</p>`
      : html`<${Scroll}><table class="data"><thead><tr><th scope="col">Field</th>${cells.map((cell) => html`<th scope="col" class="number">${cell.label[0]}, ${cell.runs.length} ${cell.runs.length === 1 ? 'run' : 'runs'}</th>`)}</tr></thead>
          <tbody>${differing.map((name) => html`<tr key=${name}><th scope="row">${name}</th>${cells.map((cell) => html`<td class="number">${formatConfig(cell.runs[0].run.config[name])}</td>`)}</tr>`)}</tbody></table><//>`}
    <h2>Runs</h2>
    <ul class="files">${cells.flatMap((cell) => cell.runs.map(({ run }) => html`<li key=${run.id}><a href=${`/runs/${run.id}`}>${run.name || `${run.experiment} · ${run.preset ?? ''}`}</a> <span class="quiet number">seed ${run.seed} · ${run.status}</span></li>`))}</ul>
  </main>`;
}

/** @param {{cells: Cell[], arms: import('../types.js').Arm[]}} props */
function SummaryTable({ cells, arms }) {
  const names = [...new Set(cells.flatMap((cell) => cell.runs.flatMap(({ run }) => Object.keys(run.summary ?? {}))))].sort();
  if (names.length === 0) return html`<p class="quiet">None of these runs has ended.</p>`;
  return html`<${Scroll}><table class="data">
    <thead><tr><th scope="col">Number</th>${cells.map((cell) => html`<th scope="col" class="number">${cells.length > 1 ? cell.label : 'mean ± half of the 95% interval'}</th>`)}</tr></thead>
    <tbody>${names.map((name) => {
      const { metric, arm, other } = splitSummary(name);
      const show = other ? formatSigned : formatValue;
      const label = arm === null ? metric : `${metric} · ${armTitle(arms, arm)}${other ? ` − ${armTitle(arms, other)}` : ''}`;
      return html`<tr key=${name}><th scope="row" title=${name}>${label}</th>${cells.map((cell) => {
        const values = cell.runs.map(({ run }) => run.summary?.[name]).filter((value) => value !== undefined).map(toNumber);
        if (values.length === 0) return html`<td class="number quiet">–</td>`;
        const { mean, half, n } = meanOf(values);
        return html`<td class="number" title=${values.map(formatExact).join(', ')}>${show(mean, metric)}${n > 1 ? html` ± ${formatValue(half, metric)} <span class="quiet">n ${n}</span>` : ''}</td>`;
      })}</tr>`;
    })}</tbody></table><//>`;
}
