/** The curves of one metric of the compared runs, as means with their interval or each alone, growing while runs go on. */
import { armsOfRun, armStyle, armTitle, inCardOrder, styleAt } from '../arms.js';
import { acrossRuns } from '../charts/across_runs.js';
import { ChartGroup } from '../charts/group.js';
import { LineChart } from '../charts/line_chart.js';
import { formatValue } from '../format.js';
import { html, useEffect, useMemo, useRef } from '../html.js';
import { useQuery } from '../router.js';
import { TERMINAL } from '../run/run_data.js';

const HEIGHT = 380;
/** Beyond this many runs, groups alone are named. */
const MOST_NAMED = 40;
/** Dashes that tell groups apart where colours belong to the arms. @type {number[][]} */
const GROUP_DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3], [1, 3]];

/** @typedef {import('../types.js').Run} Run */
/** @typedef {import('../charts/series.js').Series} Series */
/** @typedef {{key: string, group: string, arm: string | null, label: string, style: () => import('../arms.js').ArmStyle, place: number, status: string}} Waiting a line that will come */

/**
 * The arms that a run will have of a metric that it has no points of yet: those that other runs have, or all that it trains.
 * @param {Run} run @param {import('../types.js').Card[]} cards @param {(string | null)[]} recorded
 */
function armsToCome(run, cards, recorded) {
  const card = cards.find((one) => one.id === run.experiment);
  const own = card ? armsOfRun(card, run.config) : [];
  return recorded.length > 0 ? recorded.filter((arm) => arm === null || own.includes(arm)) : own;
}

/**
 * @param {{live: import('./live_comparison.js').LiveComparison, groups: import('./grouping.js').RunGroup[], off: Set<string>, onToggle: (label: string) => void,
 *   cards: import('../types.js').Card[], isDark: boolean}} props
 */
export function Overlay({ live, groups, off, onToggle, cards, isDark }) {
  const { curves, error } = live;
  const arms = useMemo(() => cards.flatMap((card) => card.arms), [cards]);
  const known = cards.flatMap((card) => card.metrics);
  const names = [...new Set(known.map((metric) => metric.name))];
  const usual = known.find((metric) => metric.better !== null)?.name ?? names[0] ?? '';
  const [wanted, setWanted] = useQuery('metric');
  const [mode, setMode] = useQuery('lines', 'mean');
  const [log, setLog] = useQuery('y', 'lin');
  const [zoom, setZoom] = useQuery('steps');
  const [onlyArm, setOnlyArm] = useQuery('arm');
  const metric = wanted || usual;
  useEffect(() => {
    live.show(metric, arms.length);
  }, [live, metric]);
  const runs = groups.flatMap((group) => group.runs);
  const hasPoints = (run) => (curves?.get(run.id) ?? []).length > 0;
  const isAwaited = (run) => curves !== null && !TERMINAL.has(run.status) && !hasPoints(run);
  const recorded = inCardOrder(arms, [...(curves?.values() ?? [])].flatMap((series) => series.map((one) => one.arm)));
  const seen = inCardOrder(arms, [...recorded, ...runs.filter(isAwaited).flatMap((run) => armsToCome(run, cards, recorded))]);
  const shownArms = seen.filter((arm) => onlyArm === '' || arm === onlyArm);
  // With one arm the colours are free to tell groups apart; with several they belong to the arms.
  const byGroup = shownArms.length <= 1 && groups.length > 1;
  // Names keep their places while lines come: by group, by arm, by run.
  const placeOf = (index, arm, run) => (index * (arms.length + 1) + shownArms.indexOf(arm)) * runs.length + (run ? runs.indexOf(run) : 0);
  /** @param {import('./grouping.js').RunGroup} group @param {number} index @param {string | null} arm @param {Run} [run] */
  const lineOf = (group, index, arm, run) => ({
    place: placeOf(index, arm, run),
    group: group.label,
    arm,
    style: () => (byGroup ? styleAt(index) : { ...armStyle(arms, arm), ...(groups.length > 1 ? { dash: GROUP_DASHES[index % GROUP_DASHES.length] } : {}) }),
    label: [shownArms.length > 1 || groups.length === 1 ? armTitle(arms, arm) : '', groups.length > 1 ? group.label : ''].filter(Boolean).join(' · '),
  });
  const version = useRef(0);
  const lines = useMemo(() => {
    if (!curves) return [];
    version.current += 1;
    return groups.flatMap((group, index) => {
      if (off.has(group.label)) return [];
      return shownArms.flatMap((arm) => {
        const of = group.runs.flatMap((run) => (curves.get(run.id) ?? []).filter((one) => one.arm === arm).map((series) => ({ run, series })));
        if (of.length === 0) return [];
        const line = lineOf(group, index, arm);
        if (mode === 'mean') {
          const mean = acrossRuns(of.map((one) => one.series));
          // Another run may have joined without adding a step.
          mean.series.version = version.current;
          return [{ ...line, key: `mean ${metric} ${group.key} ${arm}`, n: of.length, ...mean }];
        }
        const thin = () => ({ ...line.style(), width: of.length * groups.length > 12 ? 1 : line.style().width });
        return of.map(({ run, series }) => ({ ...lineOf(group, index, arm, run), label: `${line.label} · seed ${run.seed}`, key: `${metric} ${run.id} ${arm}`, style: thin, n: 1, series }));
      });
    });
  }, [curves, groups, mode, onlyArm, shownArms.join(), [...off].join('|'), isDark]);
  /** @type {Waiting[]} */
  const waiting = groups.flatMap((group, index) => {
    const own = off.has(group.label) ? [] : group.runs.filter(isAwaited);
    return shownArms.flatMap((arm) => {
      const line = lineOf(group, index, arm);
      const coming = own.filter((run) => armsToCome(run, cards, recorded).includes(arm));
      if (mode !== 'mean') return coming.map((run) => ({ ...lineOf(group, index, arm, run), key: `${metric} ${run.id} ${arm}`, label: `${line.label} · seed ${run.seed}`, status: run.status }));
      const isDrawn = lines.some((one) => one.group === group.label && one.arm === arm);
      return isDrawn || coming.length === 0 ? [] : [{ ...line, key: `mean ${metric} ${group.key} ${arm}`, status: coming.some((run) => run.status === 'running') ? 'running' : coming[0].status }];
    });
  });

  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const chart = useRef(/** @type {LineChart | null} */ (null));
  const group = useMemo(() => new ChartGroup(), []);
  useEffect(() => {
    if (!root.current) return undefined;
    const [from, to] = zoom.split('-').map(Number);
    if (to > from) group.range = [from, to];
    const stop = group.on('range', () => setZoom(group.range ? group.range.map((step) => Math.round(step)).join('-') : ''));
    const made = new LineChart(root.current, { group, height: HEIGHT, xLog: false, yLog: log === 'log', onCursor: () => {} });
    chart.current = made;
    return () => {
      stop();
      made.destroy();
    };
  }, []);
  // Axes end where the longest of the runs does.
  const total = runs.reduce((most, run) => Math.max(most, run.progress.total ?? 0), 0) || null;
  useEffect(() => group.setTotal(total), [total]);
  useEffect(() => chart.current?.setLines(lines), [lines]);
  useEffect(() => chart.current?.setScales(false, log === 'log'), [log]);
  const title = known.find((one) => one.name === metric)?.title ?? metric;
  // Each run of two hundred has no place in a legend; its group has.
  const listsAll = mode === 'mean' || lines.length + waiting.length <= MOST_NAMED;
  const listed = listsAll ? lines : lines.filter((line, index) => lines.findIndex((other) => other.group === line.group && other.arm === line.arm) === index);

  const rows = listed.map((line) => {
    const count = listsAll ? line.n : lines.filter((other) => other.group === line.group && other.arm === line.arm).length;
    const name = `${listsAll ? line.label : line.label.replace(/ · seed \d+$/, '')}${count > 1 ? ` (n ${count})` : ''}`;
    return { line, name, value: listsAll && line.series.lastValue !== undefined ? formatValue(line.series.lastValue, metric) : '' };
  });
  if (listsAll) rows.push(...waiting.map((line) => /** @type {any} */ ({ line, name: line.label, value: line.status })));
  rows.sort((one, other) => one.line.place - other.line.place);

  return html`<section class="panel wide" aria-label=${title}>
    <header><h2>${title}</h2>
      <select class="mini" aria-label="Metric" onChange=${(event) => setWanted(event.currentTarget.value)}>${[...new Set([...names, metric])].map((name) => html`<option key=${name} value=${name} selected=${name === metric}>${known.find((one) => one.name === name)?.title ?? name}</option>`)}</select>
      ${seen.length > 1 && html`<select class="mini" aria-label="Arm" onChange=${(event) => setOnlyArm(event.currentTarget.value)}><option value="" selected=${onlyArm === ''}>all arms</option>${seen.filter((arm) => arm !== null).map((arm) => html`<option key=${arm} value=${arm} selected=${arm === onlyArm}>${armTitle(arms, arm)}</option>`)}</select>`}
      <select class="mini" aria-label="Lines" onChange=${(event) => setMode(event.currentTarget.value)}><option value="mean" selected=${mode === 'mean'}>mean and 95% interval</option><option value="each" selected=${mode === 'each'}>each run</option></select>
      <button class="mini" aria-pressed=${log === 'log'} onClick=${() => setLog(log === 'log' ? 'lin' : 'log')}>log y</button>
    </header>
    ${error && html`<p class="fault">${error.message}</p>`}
    <div class="chart" ref=${root} data-lines=${lines.length} style=${{ height: `${HEIGHT}px` }}>${curves && lines.length === 0 && html`<p class="chart-empty">None of these runs has points of ${title} yet.</p>`}</div>
    <ul class="legend compare-legend">${rows.map(({ line, name, value }) => html`<${LegendRow} key=${line.key} line=${line} name=${name} value=${value} isFixed=${groups.length < 2} onToggle=${() => onToggle(line.group)} />`)}
    ${[...off].filter((label) => groups.some((one) => one.label === label)).map((label) => html`<li key=${`off ${label}`}><button class="legend-line" aria-pressed="false" title="Show this group" onClick=${() => onToggle(label)}><span class="legend-name">${label}</span></button></li>`)}</ul>
  </section>`;
}

/** @param {{line: {style: () => import('../arms.js').ArmStyle}, name: string, value: string, isFixed: boolean, onToggle: () => void}} props `isFixed` where there is no other group */
function LegendRow({ line, name, value, isFixed, onToggle }) {
  const { color, dash, width } = line.style();
  return html`<li><button class="legend-line" aria-pressed="true" disabled=${isFixed} title="Hide this group" onClick=${onToggle}><svg width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} /></svg>
    <span class="legend-name">${name}</span>${value && html`<span class="number">${value}</span>`}</button></li>`;
}
