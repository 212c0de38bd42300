/** The page that makes a sweep: which fields vary and how, over which seeds, what that will take, and the same as one command. */
import { getCard, getCatalogue, newIdempotencyKey, post, Problem } from '../api.js';
import { CopyButton } from '../clipboard.js';
import { useCheck } from '../form/check.js';
import { ConfigForm } from '../form/config_form.js';
import { completed, fieldsOf, sameValue } from '../form/schema.js';
import { formatBytes, formatDuration } from '../format.js';
import { html, useEffect, useMemo, useState } from '../html.js';
import { useLoad, useTitle } from '../load.js';
import { navigate, useQuery } from '../router.js';
import { quoted } from '../run/command.js';
import { useCanWrite } from '../session.js';
import { axisOf, listOf, rangeOf } from '../sweep/axes.js';
import { AxisRow } from '../sweep/axis_row.js';
import { drawCells } from '../sweep/draw.js';

/** Most runs of one sweep. */
const MOST_RUNS = 10000;

/**
 * @typedef {{cell_count: number, seeds: number[], run_count: number, run_seconds: number, workers: number, seconds: number | null,
 *   memory_bytes: number, datasets: {id: string, state: string, bytes: number, fetchable: boolean}[]}} SweepForecast
 */

/** @param {string} text @returns {any} the number, or the text itself, which the server then names as the fault */
const typed = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);

export function NewSweepPage() {
  const [id, setId] = useQuery('experiment');
  const { value: cards, error } = useLoad(getCatalogue, []);
  const chosen = id || cards?.[0]?.id || '';
  const { value: card, error: missing } = useLoad(() => (chosen ? getCard(chosen) : Promise.resolve(null)), [chosen]);
  useTitle('New sweep');
  if (error ?? missing) return html`<main class="page"><h1>New sweep</h1><p class="fault">${(error ?? missing)?.message}</p><p><a href="/experiments">All experiments</a></p></main>`;
  if (!cards || !card) return html`<main class="page"><p class="quiet loading">Reading the form …</p></main>`;
  const choose = html`<label>of <select aria-label="Experiment" onChange=${(event) => setId(event.currentTarget.value)}>${cards.map((one) => html`<option key=${one.id} value=${one.id} selected=${one.id === card.id}>${one.title}</option>`)}</select></label>`;
  return html`<${NewSweep} key=${card.id} card=${card} choose=${choose} />`;
}

/** @param {{card: import('../types.js').Card, choose: any}} props */
function NewSweep({ card, choose }) {
  const canWrite = useCanWrite();
  const [presetId, setPresetId] = useQuery('preset', card.presets.find((preset) => preset.id === 'quick')?.id ?? card.presets[0]?.id);
  const preset = card.presets.find((known) => known.id === presetId) ?? card.presets[0];
  const base = useMemo(() => completed(card.config_schema, preset?.config ?? {}), [card, preset]);
  const [typedConfig, setTypedConfig] = useState({ base, config: base });
  const config = typedConfig.base === base ? typedConfig.config : base;
  const [search, setSearch] = useQuery('search', 'grid');
  const random = search === 'random';
  const [axes, setAxes] = useState(/** @type {import('../sweep/axes.js').Axis[]} */ ([]));
  const [other, setOther] = useState({ draws: '20', draw_seed: '1', seeds: '', max_parallel: '', name: '', project: '', tags: '' });
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(/** @type {{text: string, faults: import('../types.js').Fault[]}} */ ({ text: '', faults: [] }));
  useEffect(() => setRefused({ text: '', faults: [] }), [config, other, axes, presetId, search]);

  const fields = fieldsOf(card.config_schema, config);
  const fieldOf = (name) => fields.find((field) => field.name === name);
  // A field that another kind of the experiment does not have varies nothing.
  const varied = axes.flatMap((axis) => {
    const field = fieldOf(axis.field);
    return field ? [{ axis, field }] : [];
  });
  /** @type {import('../types.js').Fault[]} */
  const ownFaults = [];
  const draws = Number(other.draws);
  const drawsRight = Number.isInteger(draws) && draws >= 1 && draws <= MOST_RUNS;
  const ranges = varied.map(({ axis, field }) => rangeOf(axis, field));
  if (random) {
    if (!drawsRight) ownFaults.push({ pointer: '/draws', detail: `must be a whole number between 1 and ${MOST_RUNS}; got ${other.draws}` });
    ranges.forEach((range, i) => typeof range === 'string' && ownFaults.push({ pointer: `/axes/${varied[i].axis.field}`, detail: range }));
  }
  const seed = Number(other.draw_seed);
  if (random && !(Number.isInteger(seed) && seed >= 0)) ownFaults.push({ pointer: '/draw_seed', detail: `must be a whole number from 0; got ${other.draw_seed}` });
  const cells = useMemo(
    () => (random && ownFaults.length === 0 && varied.length > 0 ? drawCells(ranges.filter((range) => typeof range !== 'string'), draws, seed) : null),
    [random, JSON.stringify(ranges), draws, seed],
  );

  const changes = Object.fromEntries(Object.entries(config).filter(([name, value]) => value !== undefined && !sameValue(value, base[name])));
  if (base.kind !== config.kind) Object.assign(changes, config);
  for (const { axis } of varied) delete changes[axis.field];
  const optional = (name, value) => (value === undefined || value === '' ? {} : { [name]: value });
  const tags = other.tags.split(/[,\s]+/).filter(Boolean);
  const seeds = other.seeds.trim();
  const body = {
    experiment: card.id,
    preset: preset?.id,
    ...(Object.keys(changes).length > 0 ? { config: changes } : {}),
    ...(varied.length === 0 ? {} : random ? { cells: cells ?? [] } : { grid: Object.fromEntries(varied.map(({ axis, field }) => [axis.field, listOf(axis, field)])) }),
    ...optional('seeds', seeds === '' ? undefined : /[,\s]/.test(seeds) ? seeds.split(/[,\s]+/).map(typed) : typed(seeds)),
    ...optional('max_parallel', other.max_parallel.trim() === '' ? undefined : typed(other.max_parallel)),
    ...optional('name', other.name.trim()),
    ...optional('project', other.project.trim()),
    ...(tags.length > 0 ? { tags } : {}),
  };
  const checked = useCheck(ownFaults.length > 0 ? null : body, '/api/v1/sweeps/check');
  const forecast = /** @type {SweepForecast | null} */ (/** @type {any} */ (checked.forecast));
  const faults = [...ownFaults, ...(refused.faults.length > 0 ? refused.faults : ownFaults.length > 0 ? [] : checked.faults)];
  const faultsOfAxis = (name) => faults.filter(({ pointer }) => pointer === `/axes/${name}` || pointer === `/grid/${name}` || pointer.startsWith(`/grid/${name}/`) || new RegExp(`^/cells/\\d+/${name}(/|$)`).test(pointer)).map(({ detail }) => detail);
  const faultOf = (name) => faults.filter(({ pointer }) => pointer === `/${name}` || pointer.startsWith(`/${name}/`)).map(({ detail }) => detail).join('; ');
  const curl = `curl -X POST ${location.origin}/api/v1/sweeps \\\n  -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`;

  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const made = await post('/api/v1/sweeps', body, { idempotencyKey: newIdempotencyKey() });
      navigate(`/sweeps/${made.id}`);
    } catch (problem) {
      setRefused({ text: problem instanceof Error ? problem.message : String(problem), faults: problem instanceof Problem ? problem.errors : [] });
      setBusy(false);
    }
  };
  const text = (name, label, hint, kind = '') => html`<div class=${faultOf(name) ? 'field is-faulty' : 'field'}>
    <label for=${`sweep-${name}`}>${label}</label>
    <input id=${`sweep-${name}`} type="text" class=${kind} placeholder=${hint} autocomplete="off" value=${other[name]} aria-invalid=${faultOf(name) !== ''} onInput=${(event) => setOther({ ...other, [name]: event.currentTarget.value })} />
    ${faultOf(name) && html`<p class="help"><span class="fault">${label} ${faultOf(name)}</span></p>`}
  </div>`;
  const setAxis = (index, axis) => setAxes(axes.map((old) => (old.field === varied[index].axis.field ? axis : old)));
  const free = fields.filter((field) => !axes.some((axis) => axis.field === field.name));
  const runs = forecast?.run_count ?? 0;
  // What stands below the forecast waits for the first one, so that nothing jumps.
  const isAnswered = forecast !== null || faults.length > 0 || checked.trouble !== '';

  return html`<main class="page">
    <div class="page-head"><h1>New sweep</h1>${choose}<a href=${`/new/${card.id}${preset ? `?preset=${preset.id}` : ''}`}>One run instead</a></div>
    <form class="new-run" onSubmit=${submit}>
      <div class="new-run-main">
        <fieldset class="presets"><legend>Preset</legend>
          ${card.presets.map((one) => html`<label class="preset" key=${one.id}>
            <input type="radio" name="preset" checked=${one.id === preset?.id} onChange=${() => setPresetId(one.id)} />
            <span><b>${one.title}</b> <span class="quiet number">~${formatDuration(one.expected_seconds)}${one.needs ? ` · needs ${one.needs}` : ''}</span><br /><span class="quiet">${one.description}</span></span>
          </label>`)}
        </fieldset>
        <fieldset class="axes"><legend>What varies</legend>
          <div class="choices" role="radiogroup" aria-label="Kind of search">
            <label class="check"><input type="radio" name="search" checked=${!random} onChange=${() => setSearch('grid')} /> Grid: every combination of the values</label>
            <label class="check"><input type="radio" name="search" checked=${random} onChange=${() => setSearch('random')} /> Random search: values drawn from ranges</label>
          </div>
          ${varied.length === 0 && html`<p class="note">Nothing varies yet but the seeds: the sweep then judges the paper's claims on this preset. Add a field to search over it.</p>`}
          ${varied.map(({ axis, field }, index) => html`<${AxisRow} key=${axis.field} axis=${axis} field=${field} random=${random} faults=${faultsOfAxis(axis.field)}
            onChange=${(next) => setAxis(index, next)} onRemove=${() => setAxes(axes.filter((old) => old.field !== axis.field))} />`)}
          <label class="add-axis">Vary <select id="add-axis" onChange=${(event) => {
            const field = fieldOf(event.currentTarget.value);
            event.currentTarget.value = '';
            if (field) setAxes([...axes, axisOf(field, config[field.name])]);
          }}><option value="">a field …</option>${free.map((field) => html`<option key=${field.name} value=${field.name}>${field.title}</option>`)}</select></label>
          ${random && html`<div class="fields">${text('draws', 'How many cells', '20', 'number')}${text('draw_seed', 'Seed of the draw', '1', 'number')}</div>
            ${cells && drawsRight && cells.length < draws && html`<p class="note">These ranges have only ${cells.length} different cells.</p>`}`}
        </fieldset>
        <fieldset><legend>This sweep</legend><div class="fields">
          ${text('seeds', 'Seeds', preset?.seeds?.length ? `${preset.seeds.join(', ')} (the preset's)` : '0', '')}
          ${text('max_parallel', 'Runs at once, at most', 'no limit', 'number')}
          ${text('name', 'Name', 'none')}${text('project', 'Project', 'default')}${text('tags', 'Tags', 'with commas between')}
        </div><p class="help">Seeds: a count for the first so many of 0, 1, 2, …, or a list with commas between. Every cell runs with each.</p></fieldset>
        <details class="all-fields"><summary>Fields that stay the same in every run</summary>
          <${ConfigForm} card=${card} base=${base} config=${config} faults=${faults} onChange=${(next) => setTypedConfig({ base, config: 'kind' in next && next.kind !== config.kind ? completed(card.config_schema, { kind: next.kind }) : next })} />
        </details>
      </div>
      <aside class="new-run-side">
        <section class=${checked.asking ? 'forecast is-asking' : 'forecast'} aria-live="polite">
          ${canWrite && html`<button class="primary big" disabled=${busy || faults.length > 0 || !forecast}>${busy ? 'Queueing …' : runs > 0 ? `▶ Run ${runs}` : '▶ Run'}</button>`}
          <h2>What will happen</h2>
          <${SweepForecastTable} forecast=${forecast} />
          ${faults.length > 0 && html`<p class="fault">${faults.length === 1 ? 'One field needs' : `${faults.length} fields need`} another value before it can run.</p>
            <ul class="faults">${faults.slice(0, 12).map((fault) => html`<li key=${fault.pointer}><code>${fault.pointer.replace(/^\/(config|axes|grid)\//, '').replace(/^\//, '')}</code> ${fault.detail}</li>`)}</ul>
            ${faults.length > 12 && html`<p class="quiet">and ${faults.length - 12} more</p>`}`}
          ${(checked.trouble || (refused.text && refused.faults.length === 0)) && html`<p class="fault">${refused.text || checked.trouble}</p>`}
        </section>
        ${isAnswered && html`<section>
          <div class="field-head"><h2>The same as a command</h2><${CopyButton} text=${curl} /></div>
          <pre class="command" tabindex="0">${curl.length > 4000 ? `${curl.slice(0, 4000)} …` : curl}</pre>
        </section>`}
      </aside>
    </form>
  </main>`;
}

/** @param {{forecast: SweepForecast | null}} props */
function SweepForecastTable({ forecast }) {
  if (!forecast) return html`<p class="quiet">Runs, time and data stand here once the form is right.</p>`;
  const dataText = { bundled: '✓ comes with Engram', present: '✓ present', imported: '✓ imported', absent: 'will be fetched first', fetching: 'is being fetched', corrupt: 'is damaged and will be fetched again' };
  const { cell_count: cells, seeds, run_count: runs, workers } = forecast;
  return html`<table class="data keys"><tbody>
    <tr><th scope="row">Runs</th><td class="number">${cells === 1 ? '' : `${cells} cells × `}${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'} = <b>${runs}</b></td></tr>
    <tr><th scope="row">Time</th><td class="number">${forecast.seconds === null ? 'no worker is here' : `~${formatDuration(forecast.seconds)} on ${workers} ${workers === 1 ? 'worker' : 'workers'}`}</td></tr>
    <tr><th scope="row">One after the other</th><td class="number">~${formatDuration(forecast.run_seconds)}</td></tr>
    <tr><th scope="row">Memory of each</th><td class="number">${formatBytes(forecast.memory_bytes)}</td></tr>
    ${forecast.datasets.map((dataset) => html`<tr key=${dataset.id}><th scope="row">${dataset.id}</th><td class="number">${dataset.state === 'absent' && !dataset.fetchable ? 'must be imported first' : (dataText[dataset.state] ?? dataset.state)}</td></tr>`)}
  </tbody></table>`;
}
