/** The columns of the list of runs: what each shows, how wide it is, and what it is sorted by. */
import { formatConfig, formatDuration, formatExact, formatSigned, formatValue, shortId } from '../format.js';
import { html } from '../html.js';
import { splitSummary } from '../run/results.js';
import { TERMINAL } from '../run/run_data.js';
import { isPreparing, ProgressBar, StatusWord } from '../run/status_face.js';
import { Age } from '../when.js';
import { RunSpark } from './curves.js';

/** @typedef {import('../types.js').Run} Run */
/** @typedef {import('../types.js').Card} Card */
/** @typedef {{run: Run, card?: Card, curve?: import('./curves.js').Curve}} Shown */
/**
 * @typedef {object} Column
 * @property {string} name as the address has it
 * @property {string} title
 * @property {number} width CSS pixels
 * @property {boolean} [number] whether it stands at the right
 * @property {string} [sort] what the list can be sorted by here
 * @property {boolean} [wide] whether narrow windows leave it out
 * @property {(shown: Shown) => any} cell
 * @property {(shown: Shown) => string} [hover]
 */

/** The columns of a list that nobody has changed. */
export const USUAL = ['status', 'name', 'curve', 'progress', 'numbers', 'tags', 'experiment', 'project', 'seed', 'created_at'];

/** @param {Run} run */
const place = (run) => (run.status === 'queued' && run.queue?.position ? `#${run.queue.position}` : '');
/** @param {string | null} time */
const age = (time) => (time ? html`<${Age} time=${time} />` : '–');

/** @param {Shown} shown */
function progress({ run }) {
  if (TERMINAL.has(run.status)) {
    const took = run.started_at && run.finished_at ? (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000 : null;
    return html`<span class="quiet number">${took === null ? '' : formatDuration(took)}</span>`;
  }
  const left = isPreparing(run) ? run.status_reason : run.status === 'running' ? `${formatDuration(run.progress.eta_seconds)} left` : '';
  return html`<${ProgressBar} percent=${run.progress.percent} busy=${run.status === 'running'} /> <span class="quiet number">${left}</span>`;
}

/**
 * The two numbers that tell most: those the claims are judged by, else metrics with a better side.
 * @param {Run} run @param {Card | undefined} card
 */
function mainNumbers(run, card) {
  const names = Object.keys(run.summary ?? {});
  const measured = (card?.claims ?? []).map((claim) => claim.measure).filter((name) => names.includes(name));
  const better = names.filter((name) => card?.metrics.some((metric) => metric.better !== null && metric.name === splitSummary(name).metric));
  return [...new Set([...measured, ...better, ...names])].slice(0, 2);
}

/** @param {{name: string, run: Run}} props */
function MainNumber({ name, run }) {
  const { metric, arm, other } = splitSummary(name);
  const show = other ? formatSigned : formatValue;
  const label = [metric, arm && `${arm}${other ? ` − ${other}` : ''}`].filter(Boolean).join(' ');
  return html`<span class="main-number" title=${`${name} = ${formatExact(run.summary[name])}`}><b class="number">${show(run.summary[name], metric)}</b> <span class="quiet">${label}</span></span>`;
}

/** @type {Column[]} */
const PLAIN = [
  { name: 'status', title: 'Status', width: 108, sort: 'status', hover: ({ run }) => run.status_reason ?? '', cell: ({ run }) => html`<${StatusWord} run=${run} /> <span class="quiet number">${place(run)}</span>` },
  { name: 'name', title: 'Name', width: 190, sort: 'name', hover: ({ run }) => run.name ?? '', cell: ({ run }) => html`<a href=${`/runs/${run.id}`} dir="auto">${run.name || [run.experiment, run.preset].filter(Boolean).join(' · ')}</a>` },
  { name: 'curve', title: 'Curve', width: 108, wide: true, cell: ({ card, curve }) => html`<${RunSpark} card=${card} curve=${curve} />` },
  { name: 'progress', title: 'Progress', width: 144, cell: progress },
  {
    name: 'numbers', title: 'Summary', width: 280,
    hover: ({ run }) => (run.status === 'failed' ? (run.status_reason ?? '') : ''),
    cell: ({ run, card }) => (run.status === 'failed' ? html`<span class="quiet">${run.status_reason}</span>` : mainNumbers(run, card).map((name) => html`<${MainNumber} key=${name} name=${name} run=${run} />`)),
  },
  { name: 'tags', title: 'Tags', width: 112, hover: ({ run }) => run.tags.join(', '), cell: ({ run }) => run.tags.map((tag) => html`<span class="tag" key=${tag}>${tag}</span> `) },
  { name: 'experiment', title: 'Experiment', width: 132, wide: true, sort: 'experiment', hover: ({ run }) => run.experiment, cell: ({ run, card }) => card?.title ?? run.experiment },
  { name: 'preset', title: 'Preset', width: 96, sort: 'preset', cell: ({ run }) => run.preset },
  { name: 'project', title: 'Project', width: 84, wide: true, sort: 'project', hover: ({ run }) => run.project, cell: ({ run }) => run.project },
  { name: 'created_by', title: 'Owner', width: 100, sort: 'created_by', cell: ({ run }) => run.created_by },
  { name: 'seed', title: 'Seed', width: 60, number: true, wide: true, sort: 'seed', cell: ({ run }) => run.seed },
  { name: 'priority', title: 'Priority', width: 72, number: true, sort: 'priority', cell: ({ run }) => run.priority },
  { name: 'sweep', title: 'Sweep', width: 88, cell: ({ run }) => (run.sweep_id ? html`<a href=${`/sweeps/${run.sweep_id}`}>${shortId(run.sweep_id)}</a>` : '–') },
  { name: 'note', title: 'Note', width: 200, hover: ({ run }) => run.note ?? '', cell: ({ run }) => run.note },
  { name: 'created_at', title: 'Created', width: 80, number: true, sort: 'created_at', cell: ({ run }) => age(run.created_at) },
  { name: 'started_at', title: 'Started', width: 88, number: true, sort: 'started_at', cell: ({ run }) => age(run.started_at) },
  { name: 'finished_at', title: 'Ended', width: 88, number: true, sort: 'finished_at', cell: ({ run }) => age(run.finished_at) },
];

/** @param {any} config @param {string} path dots between the levels */
function valueAt(config, path) {
  return path.split('.').reduce((value, name) => value?.[name], config);
}

/** The column of this name; one of the config or the summary is made for it. @param {string} name @returns {Column | undefined} */
export function columnOf(name) {
  const plain = PLAIN.find((column) => column.name === name);
  if (plain) return plain;
  const field = name.slice(name.indexOf('.') + 1);
  if (name.startsWith('config.')) {
    const value = ({ run }) => valueAt(run.config, field);
    return { name, title: field, width: 112, number: true, sort: name, hover: (shown) => formatConfig(value(shown) ?? null), cell: (shown) => (value(shown) === undefined ? '–' : formatConfig(value(shown))) };
  }
  if (name.startsWith('summary.')) {
    const { metric, other } = splitSummary(field);
    const show = other ? formatSigned : formatValue;
    return { name, title: field, width: 124, number: true, sort: name, hover: ({ run }) => (field in run.summary ? formatExact(run.summary[field]) : ''), cell: ({ run }) => (field in run.summary ? show(run.summary[field], metric) : '–') };
  }
  return undefined;
}

/** What can be chosen: the plain ones, then what configs and summaries have. @param {import('./filter_text.js').Field[]} fields */
export function choices(fields) {
  const below = (kind) => fields.filter((field) => field.kind === kind).map((field) => field.name);
  return { plain: PLAIN.map((column) => column.name), config: below('config'), summary: below('summary') };
}

/** What the list must be asked for, so that these columns can be drawn. @param {string[]} names @returns {string} of the query */
export function fieldsOf(names) {
  const wanted = names.filter((name) => name.startsWith('config.') || name.startsWith('summary.'));
  if (names.includes('numbers')) return ['summary', ...wanted.filter((name) => name.startsWith('config.'))].join(',');
  return wanted.length > 0 ? wanted.join(',') : 'none';
}
