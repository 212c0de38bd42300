/** Values of the compared runs against each other: a scatter of two of them, and parallel coordinates of any. */
import { html, useMemo } from '../html.js';
import { useQuery } from '../router.js';
import { splitSummary } from '../run/results.js';
import { axisNames } from './axis_values.js';
import { ParallelCoordinates } from './parallel.js';
import { Scatter } from './scatter.js';

/** Upright axes that are shown unless others are chosen. */
const USUAL_AXES = 6;

/**
 * @param {{dots: import('./scatter.js').Dot[], differing: string[], cards: import('../types.js').Card[], runs: import('../types.js').Run[],
 *   pageOf: (run: import('../types.js').Run) => string}} props `pageOf` is the address behind a dot
 */
export function Values({ dots, differing, cards, runs, pageOf }) {
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
      <${Scatter} dots=${dots} x=${xName} y=${yName} pageOf=${pageOf} /></section>
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
