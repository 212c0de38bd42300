/** Several runs over each other: curves with mean and interval over any grouping, results, where configs differ, and values against each other. */
import { armStyle, armTitle, inCardOrder, styleAt } from '../arms.js';
import { acrossRuns } from '../charts/across_runs.js';
import { ChartGroup } from '../charts/group.js';
import { LineChart } from '../charts/line_chart.js';
import { axisNames } from '../compare/axis_values.js';
import { MOST_RUNS, readCurves, readRuns } from '../compare/compare_data.js';
import { differingFields, groupings, groupsOf, withoutRepeats } from '../compare/grouping.js';
import { ParallelCoordinates } from '../compare/parallel.js';
import { Scatter } from '../compare/scatter.js';
import { ConfigDiff, SummaryTable } from '../compare/summary_tables.js';
import { formatValue } from '../format.js';
import { html, useEffect, useMemo, useRef } from '../html.js';
import { useLoad, useTitle } from '../load.js';
import { useQuery } from '../router.js';
import { splitSummary } from '../run/results.js';
import { useDark } from '../theme.js';

const HEIGHT = 380;
/** Beyond this many runs, groups alone are named. */
const MOST_NAMED = 40;
/** Upright axes that are shown unless others are chosen. */
const USUAL_AXES = 6;
/** Dashes that tell groups apart where colours belong to the arms. @type {number[][]} */
const GROUP_DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3], [1, 3]];

/** @typedef {import('../types.js').Run} Run */

export function ComparePage() {
  useTitle('Compare');
  const [ids] = useQuery('runs');
  const [filter] = useQuery('filter');
  const list = ids.split(',').filter(Boolean);
  const isAsked = list.length > 0 || filter !== '';
  const { value, error } = useLoad(() => (isAsked ? readRuns(list, filter) : Promise.resolve(null)), [ids, filter]);
  if (!isAsked) {
    return html`<main class="page"><div class="page-head"><h1>Compare</h1></div>
      <div class="empty"><p>Selected runs lie over each other here: seeds of one config as a mean with its interval, configs side by side. Tick runs in the list and press <b>Compare</b>, or use <kbd>x</kbd> and <kbd>c</kbd>.</p>
      <a class="button primary" href="/runs">Choose runs</a></div></main>`;
  }
  if (error) return html`<main class="page"><h1>Compare</h1><p class="fault">${error.message}</p></main>`;
  if (!value) return html`<main class="page"><p class="quiet loading">Reading ${list.length > 0 ? `${list.length} runs` : 'runs'} …</p></main>`;
  if (value.runs.length === 0) return html`<main class="page"><h1>Compare</h1><p>None of these runs is there any more. <a href="/runs">Choose others</a></p></main>`;
  return html`<${Comparison} ...${value} />`;
}

/** @param {import('../compare/compare_data.js').Compared} props */
function Comparison({ runs, cards, left }) {
  useDark();
  const arms = cards.flatMap((card) => card.arms);
  const known = cards.flatMap((card) => card.metrics);
  const { kept, repeats } = useMemo(() => withoutRepeats(runs), [runs]);
  const differing = useMemo(() => differingFields(kept), [kept]);
  const possible = useMemo(() => groupings(kept), [kept]);
  const [by, setBy] = useQuery('by', 'config');
  const [hidden, setHidden] = useQuery('hide');
  const groups = useMemo(() => groupsOf(kept, possible.includes(by) ? by : 'config', differing), [kept, by, differing, possible]);
  const off = new Set(hidden.split('|').filter(Boolean));
  const shownGroups = groups.filter((group) => !off.has(group.label));
  const toggle = (label) => setHidden((off.has(label) ? [...off].filter((other) => other !== label) : [...off, label]).join('|'));
  const colorOf = useMemo(() => new Map(groups.flatMap((group, index) => group.runs.map((run) => [run.id, index]))), [groups]);
  const dots = shownGroups.flatMap((group) => group.runs.map((run) => ({ run, group: group.label, color: styleAt(colorOf.get(run.id) ?? 0).color })));

  return html`<main class="page compare">
    <div class="page-head"><h1>Compare <span class="quiet">${runs.length} runs${groups.length > 1 ? `, ${groups.length} groups` : ''}${repeats > 0 ? `, ${repeats} left out: ${repeats === 1 ? 'it repeats' : 'they repeat'} a seed` : ''}${left > 0 ? `, ${left} more than the ${MOST_RUNS} shown` : ''}</span></h1>
      <label class="check">group by <select aria-label="Group by" onChange=${(event) => setBy(event.currentTarget.value)}>${possible.map((name) => html`<option key=${name} value=${name} selected=${name === by}>${name === 'run' ? 'nothing: each run alone' : name}</option>`)}</select></label>
    </div>
    <${Overlay} runs=${kept} groups=${groups} off=${off} onToggle=${toggle} arms=${arms} known=${known} />
    <h2>Configs</h2>
    <${ConfigDiff} groups=${shownGroups} differing=${differing} />
    <${Values} dots=${dots} differing=${differing} cards=${cards} runs=${kept} />
    <h2>Summary</h2>
    <${SummaryTable} groups=${shownGroups} arms=${arms} />
    <h2>Runs</h2>
    <ul class="files compared-runs">${shownGroups.flatMap((group) => group.runs.map((run) => html`<li key=${run.id}><a href=${`/runs/${run.id}`} dir="auto">${run.name || `${run.experiment} · ${run.preset ?? ''}`}</a> <span class="quiet number">${groups.length > 1 ? `${group.label} · ` : ''}seed ${run.seed} · ${run.status}</span></li>`))}</ul>
  </main>`;
}

/** The curves of one metric. @param {{runs: Run[], groups: import('../compare/grouping.js').RunGroup[], off: Set<string>, onToggle: (label: string) => void, arms: import('../types.js').Arm[], known: import('../types.js').Metric[]}} props */
function Overlay({ runs, groups, off, onToggle, arms, known }) {
  const names = [...new Set(known.map((metric) => metric.name))];
  const usual = known.find((metric) => metric.better !== null)?.name ?? names[0] ?? '';
  const [wanted, setWanted] = useQuery('metric');
  const [mode, setMode] = useQuery('lines', 'mean');
  const [log, setLog] = useQuery('y', 'lin');
  const [zoom, setZoom] = useQuery('steps');
  const [onlyArm, setOnlyArm] = useQuery('arm');
  const metric = wanted || usual;
  const { value: curves, error } = useLoad(() => readCurves(runs, metric, arms.length), [runs, metric]);
  const seen = useMemo(() => inCardOrder(arms, [...(curves?.values() ?? [])].flatMap((series) => series.map((one) => one.arm))), [curves]);
  const shownArms = seen.filter((arm) => onlyArm === '' || arm === onlyArm);
  // With one arm the colours are free to tell groups apart; with several they belong to the arms.
  const byGroup = shownArms.length <= 1 && groups.length > 1;
  const lines = useMemo(() => {
    if (!curves) return [];
    return groups.flatMap((group, index) => {
      if (off.has(group.label)) return [];
      return shownArms.flatMap((arm) => {
        const of = group.runs.flatMap((run) => (curves.get(run.id) ?? []).filter((one) => one.arm === arm).map((series) => ({ run, series })));
        if (of.length === 0) return [];
        const style = () => (byGroup ? styleAt(index) : { ...armStyle(arms, arm), ...(groups.length > 1 ? { dash: GROUP_DASHES[index % GROUP_DASHES.length] } : {}) });
        const label = [shownArms.length > 1 || groups.length === 1 ? armTitle(arms, arm) : '', groups.length > 1 ? group.label : ''].filter(Boolean).join(' · ');
        const named = { group: group.label, label };
        if (mode === 'mean') return [{ ...named, key: `${group.key}|${arm}`, style, n: of.length, ...acrossRuns(of.map((one) => one.series)) }];
        const thin = () => ({ ...style(), width: of.length * groups.length > 12 ? 1 : style().width });
        return of.map(({ run, series }) => ({ ...named, label: `${label} · seed ${run.seed}`, key: `${run.id}|${arm}`, style: thin, n: 1, series }));
      });
    });
  }, [curves, groups, mode, onlyArm, [...off].join('|')]);

  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const chart = useRef(/** @type {LineChart | null} */ (null));
  useEffect(() => {
    if (!root.current) return undefined;
    const group = new ChartGroup();
    // Axes end where the longest of the runs does.
    group.total = runs.reduce((most, run) => Math.max(most, run.progress.total ?? 0), 0) || null;
    const [from, to] = zoom.split('-').map(Number);
    if (to > from) group.range = [from, to];
    group.on('range', () => setZoom(group.range ? group.range.map((step) => Math.round(step)).join('-') : ''));
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
  // Each run of two hundred has no place in a legend; its group has.
  const listed = mode === 'mean' || lines.length <= MOST_NAMED ? lines : lines.filter((line, index) => lines.findIndex((other) => other.group === line.group && other.series.arm === line.series.arm) === index);

  return html`<section class="panel wide" aria-label=${title}>
    <header><h2>${title}</h2>
      <select class="mini" aria-label="Metric" onChange=${(event) => setWanted(event.currentTarget.value)}>${[...new Set([...names, metric])].map((name) => html`<option key=${name} value=${name} selected=${name === metric}>${known.find((one) => one.name === name)?.title ?? name}</option>`)}</select>
      ${seen.length > 1 && html`<select class="mini" aria-label="Arm" onChange=${(event) => setOnlyArm(event.currentTarget.value)}><option value="" selected=${onlyArm === ''}>all arms</option>${seen.filter((arm) => arm !== null).map((arm) => html`<option key=${arm} value=${arm} selected=${arm === onlyArm}>${armTitle(arms, arm)}</option>`)}</select>`}
      <select class="mini" aria-label="Lines" onChange=${(event) => setMode(event.currentTarget.value)}><option value="mean" selected=${mode === 'mean'}>mean and 95% interval</option><option value="each" selected=${mode === 'each'}>each run</option></select>
      <button class="mini" aria-pressed=${log === 'log'} onClick=${() => setLog(log === 'log' ? 'lin' : 'log')}>log y</button>
    </header>
    ${error && html`<p class="fault">${error.message}</p>`}
    <div class="chart" ref=${root} data-lines=${lines.length} style=${{ height: `${HEIGHT}px` }}>${curves && lines.length === 0 && html`<p class="chart-empty">None of these runs has points of ${title} yet.</p>`}</div>
    <ul class="legend compare-legend">${listed.map((line) => {
      const { color, dash, width } = line.style();
      const count = mode === 'mean' || listed.length === lines.length ? line.n : lines.filter((other) => other.group === line.group && other.series.arm === line.series.arm).length;
      const last = mode === 'mean' || listed.length === lines.length ? line.series.lastValue : undefined;
      return html`<li key=${line.key}><button class="legend-line" aria-pressed=${!off.has(line.group)} disabled=${groups.length < 2} title="Hide this group" onClick=${() => onToggle(line.group)}><svg width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} /></svg>
        <span class="legend-name">${listed.length < lines.length ? line.label.replace(/ · seed \d+$/, '') : line.label}${count > 1 ? ` (n ${count})` : ''}</span>${last !== undefined && html`<span class="number">${formatValue(last, metric)}</span>`}</button></li>`;
    })}
    ${[...off].filter((label) => groups.some((group) => group.label === label)).map((label) => html`<li key=${`off ${label}`}><button class="legend-line" aria-pressed="false" title="Show this group" onClick=${() => onToggle(label)}><span class="legend-name">${label}</span></button></li>`)}</ul>
  </section>`;
}

/** Values of the runs against each other. @param {{dots: import('../compare/scatter.js').Dot[], differing: string[], cards: import('../types.js').Card[], runs: Run[]}} props */
function Values({ dots, differing, cards, runs }) {
  const names = useMemo(() => axisNames(runs, differing), [runs, differing]);
  const results = names.filter((name) => name.startsWith('summary.'));
  // What the claims are judged by tells most.
  const measured = cards.flatMap((card) => card.claims.map((claim) => `summary.${claim.measure}`)).filter((name) => results.includes(name));
  const better = results.filter((name) => cards.some((card) => card.metrics.some((metric) => metric.better !== null && metric.name === splitSummary(name.slice('summary.'.length)).metric)));
  const best = [...new Set([...measured, ...better, ...results])];
  const inputs = names.filter((name) => !name.startsWith('summary.'));
  const [x, setX] = useQuery('sx');
  const [y, setY] = useQuery('sy');
  const [axes, setAxes] = useQuery('axes');
  const [marked, setMarked] = useQuery('brush');
  const brushes = useMemo(() => readBrushes(marked), [marked]);
  if (results.length === 0 || names.length < 2 || runs.length < 2) return null;
  const xName = names.includes(x) ? x : (inputs[0] ?? best[1] ?? best[0]);
  const yName = names.includes(y) ? y : best[0];
  const chosen = axes ? axes.split(',').filter((name) => names.includes(name)) : [...inputs.slice(0, USUAL_AXES - 2), ...best.slice(0, 2)];
  const select = (label, value, set) => html`<select class="mini" aria-label=${label} onChange=${(event) => set(event.currentTarget.value)}>${names.map((name) => html`<option key=${name} value=${name} selected=${name === value}>${name}</option>`)}</select>`;
  const rest = names.filter((name) => !chosen.includes(name));
  return html`<h2>Values</h2><div class="panels values">
    <section class="panel" aria-label="Scatter"><header><h3>Scatter</h3> ${select('Down', yName, setY)} <span class="quiet">over</span> ${select('Across', xName, setX)}</header>
      <${Scatter} dots=${dots} x=${xName} y=${yName} /></section>
    <section class="panel" aria-label="Parallel coordinates"><header><h3>Parallel coordinates</h3>
      <select class="mini" aria-label="Add an axis" onChange=${(event) => event.currentTarget.value && setAxes([...chosen, event.currentTarget.value].join(','))}><option value="" selected>add an axis …</option>${rest.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></header>
      <div class="chips">${chosen.map((name) => html`<button class="mini" key=${name} disabled=${chosen.length < 3} aria-label=${`Take the axis ${name} away`} onClick=${() => setAxes(chosen.filter((other) => other !== name).join(','))}>${name} ✕</button>`)}</div>
      <${ParallelCoordinates} dots=${dots} names=${chosen} brushes=${brushes} onBrush=${(next) => setMarked(writeBrushes(next))} /></section>
  </div>`;
}

/** @param {string} text as the address has them @returns {Record<string, [number, number]>} */
function readBrushes(text) {
  const found = text.split('|').map((part) => /^(.+):([^:]+):([^:]+)$/.exec(part)).filter((match) => match !== null);
  return Object.fromEntries(found.map(([, name, low, high]) => [name, [Number(low), Number(high)]]));
}

/** @param {Record<string, [number, number]>} brushes */
const writeBrushes = (brushes) => Object.entries(brushes).map(([name, [low, high]]) => `${name}:${+low.toPrecision(6)}:${+high.toPrecision(6)}`).join('|');
