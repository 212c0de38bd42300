/** The curves of one cell: every seed as a thin strip, the mean over them on top with its interval. */
import { get } from '../api.js';
import { armStyle, armTitle, inCardOrder } from '../arms.js';
import { acrossRuns } from '../charts/across_runs.js';
import { ChartGroup } from '../charts/group.js';
import { LineChart } from '../charts/line_chart.js';
import { Series } from '../charts/series.js';
import { formatValue } from '../format.js';
import { html, useEffect, useMemo, useRef } from '../html.js';
import { useLoad } from '../load.js';
import { useQuery } from '../router.js';
import { isDark, useDark } from '../theme.js';

const HEIGHT = 300;
/** Points of each curve. */
const POINTS = 400;
/** More seeds than these make no clearer picture; those left out are said. */
const MOST_SEEDS = 40;

/** A colour mixed half and half with the paper. @param {string} hex */
function halfway(hex) {
  const paper = isDark() ? [18, 20, 23] : [253, 253, 252];
  const mixed = [1, 3, 5].map((at, i) => Math.round((parseInt(hex.slice(at, at + 2), 16) + 1.2 * paper[i]) / 2.2));
  return `#${mixed.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** @param {any} answer of a run's metrics @returns {Series[]} */
const seriesOf = (answer) =>
  answer.series.map((one) => {
    const made = new Series(one.name, one.arm, one.unit);
    one.steps.forEach((step, i) => made.append(step, one.values[i]));
    return made;
  });

/** Names of metrics, the card's telling ones first. @param {import('../types.js').Card} card @param {import('../types.js').Panel[]} panels */
function namesOf(card, panels) {
  const planned = [...new Set(panels.flatMap((panel) => panel.metrics ?? []))];
  const better = planned.filter((name) => card.metrics.find((metric) => metric.name === name)?.better);
  return [...new Set([...better, ...planned])];
}

/**
 * @param {{card: import('../types.js').Card, seeds: import('../types.js').SeedRun[], base: string, anonymous: boolean, version: string, name?: string, onRead?: () => void}} props
 *   `base` is the address below which a run is `runs/ID`; the curves are read again when `version` changes; `onRead` hears when they are
 *   there or cannot be had
 */
export function CellCurves({ card, seeds, base, anonymous, version, name: cellName = '', onRead }) {
  const dark = useDark();
  const names = namesOf(card, card.panels);
  const [wanted, setWanted] = useQuery('curve');
  const metric = names.includes(wanted) ? wanted : (names[0] ?? '');
  const shown = seeds.slice(0, MOST_SEEDS);
  const { value: runs, error } = useLoad(
    (signal) =>
      Promise.all(
        shown.map(async ({ id, seed }) => ({ seed, series: seriesOf(await get(`${base}/runs/${id}/metrics?names=${encodeURIComponent(metric)}&points=${POINTS}`, { signal, anonymous })) })),
      ),
    [metric, shown.map(({ id }) => id).join()],
    version,
  );
  const lines = useMemo(() => {
    const all = (runs ?? []).flatMap(({ seed, series }) => series.filter((one) => one.name === metric).map((one) => ({ seed, series: one })));
    const arms = inCardOrder(card.arms, all.map(({ series }) => series.arm));
    const means = arms.map((arm) => {
      const own = all.filter(({ series }) => series.arm === arm).map(({ series }) => series);
      return { key: `mean ${arm}`, arm, label: armTitle(card.arms, arm), n: own.length, style: () => ({ ...armStyle(card.arms, arm), dash: [] }), ...acrossRuns(own) };
    });
    const strip = all.map(({ seed, series }) => ({
      key: `${seed} ${series.arm}`,
      series,
      style: () => ({ color: halfway(armStyle(card.arms, series.arm).color), dash: [], width: 0.75 }),
    }));
    return { means, strip };
  }, [runs, metric, dark]);
  useEffect(() => {
    if (runs || error) onRead?.();
  }, [runs, error]);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const chart = useRef(/** @type {LineChart | null} */ (null));
  useEffect(() => {
    if (!root.current) return undefined;
    const made = new LineChart(root.current, { group: new ChartGroup(), height: HEIGHT, xLog: false, yLog: false, onCursor: () => {} });
    chart.current = made;
    return () => made.destroy();
  }, []);
  useEffect(() => {
    // One seed alone is its own mean.
    chart.current?.setLines(shown.length > 1 ? [...lines.means, ...lines.strip] : lines.means);
  }, [lines]);
  if (names.length === 0 || seeds.length === 0) return null;
  const titleOf = (name) => card.metrics.find((known) => known.name === name)?.title ?? name;
  return html`<section class="cell-curves" aria-label=${['Curves over seeds', cellName].filter(Boolean).join(', ')}>
    <div class="view-tools">
      <h2>Curves over seeds</h2>
      <select aria-label="Metric of the curves" onChange=${(event) => setWanted(event.currentTarget.value)}>${names.map((name) => html`<option key=${name} value=${name} selected=${name === metric}>${titleOf(name)}</option>`)}</select>
      <span class="quiet">${shown.length > 1 ? 'thin: each seed; bold: their mean with its 95% t-interval' : 'one seed'}${shown.length < seeds.length ? `; the first ${shown.length} of ${seeds.length} seeds` : ''}</span>
    </div>
    ${error && html`<p class="fault">${error.message}</p>`}
    <div class="chart" ref=${root} style=${{ height: `${HEIGHT}px` }}>${runs && lines.means.length === 0 && html`<p class="chart-empty">The curve starts with the first point.</p>`}</div>
    <ul class="legend">${lines.means.map((line) => {
      const { color, width } = line.style();
      return html`<li key=${line.key}><span class="legend-line"><svg width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width=${width} /></svg>
        <span class="legend-name">${line.label} (n ${line.n})</span><span class="number">${line.series.lastValue === undefined ? '–' : formatValue(line.series.lastValue, metric)}</span></span></li>`;
    })}</ul>
  </section>`;
}
