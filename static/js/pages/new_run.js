/** The page that makes a run: preset, form, what will happen, and the same as one command. */
import { get, getCard, newIdempotencyKey, post, Problem } from '../api.js';
import { CopyButton } from '../clipboard.js';
import { useCheck } from '../form/check.js';
import { ConfigForm } from '../form/config_form.js';
import { ForecastTable } from '../form/forecast.js';
import { completed, sameValue } from '../form/schema.js';
import { formatDuration, shortId } from '../format.js';
import { html, useEffect, useMemo, useState } from '../html.js';
import { useLoad, useTitle } from '../load.js';
import { navigate, useQuery } from '../router.js';
import { quoted, terminalLine } from '../run/command.js';
import { useCanWrite } from '../session.js';

/** Most runs of one sweep. */
const MOST_SEEDS = 10000;

/** What the form says beyond the config. */
const EMPTY = { seed: '', seeds: '', name: '', project: '', tags: '', device: 'auto' };

/**
 * The body of a sweep over seeds in place of one run's.
 * @param {Record<string, any>} body @param {number} count of seeds
 */
function asSweep({ seed, ...body }, count) {
  const seeds = typeof seed === 'number' ? Array.from({ length: count }, (_, index) => seed + index) : count;
  return { ...body, seeds };
}

/** @param {{id: string}} props the experiment */
export function NewRunPage({ id }) {
  const [from] = useQuery('from');
  const { value, error } = useLoad(async (signal) => {
    const [card, parent] = await Promise.all([getCard(id), from ? get(`/api/v1/runs/${from}`, { signal }) : null]);
    return { card, parent };
  }, [id, from]);
  useTitle(value ? `New run of ${value.card.title}` : null);
  if (error) return html`<main class="page"><h1>No such experiment</h1><p>${error.message}</p><p><a href="/experiments">All experiments</a></p></main>`;
  if (!value) return html`<main class="page"><p class="quiet loading">Reading the form …</p></main>`;
  return html`<${NewRun} key=${`${id}:${from}`} card=${value.card} parent=${value.parent} />`;
}

/** @param {{card: import('../types.js').Card, parent: import('../types.js').Run | null}} props a clone starts from its parent's config */
function NewRun({ card, parent }) {
  const canWrite = useCanWrite();
  const [presetId, setPresetId] = useQuery('preset', card.presets.find((preset) => preset.id === 'quick')?.id ?? card.presets[0]?.id);
  const preset = card.presets.find((known) => known.id === presetId) ?? card.presets[0];
  const base = useMemo(() => parent?.config ?? completed(card.config_schema, preset?.config ?? {}), [card, preset, parent]);
  // What was typed belongs to the preset it was typed into; another preset begins anew.
  const [typed, setTyped] = useState({ base, config: base });
  const config = typed.base === base ? typed.config : base;
  const setConfig = (next) => setTyped({ base, config: next });
  const [other, setOther] = useState({ ...EMPTY, seed: parent ? String(parent.seed) : '' });
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(/** @type {{text: string, faults: import('../types.js').Fault[]}} */ ({ text: '', faults: [] }));
  useEffect(() => setRefused({ text: '', faults: [] }), [config, other, presetId]);

  const onForm = (next) => setConfig('kind' in next && next.kind !== config.kind ? completed(card.config_schema, { kind: next.kind }) : next);
  const changes = Object.fromEntries(Object.entries(config).filter(([name, field]) => field !== undefined && !sameValue(field, base[name])));
  if (base.kind !== config.kind) Object.assign(changes, config);
  const seed = other.seed.trim() === '' ? undefined : Number.isFinite(Number(other.seed)) ? Number(other.seed) : other.seed;
  const optional = (name, field) => (field === undefined || field === '' ? {} : { [name]: field });
  const common = { ...(Object.keys(changes).length > 0 ? { config: changes } : {}), ...optional('seed', seed), ...optional('name', other.name.trim()) };
  const tags = other.tags.split(/[,\s]+/).filter(Boolean);
  const body = parent
    ? common
    : {
        experiment: card.id,
        preset: preset?.id,
        ...common,
        ...optional('project', other.project.trim()),
        ...(tags.length > 0 ? { tags } : {}),
        ...(other.device === 'auto' ? {} : { device: other.device }),
      };
  const checked = parent ? { experiment: card.id, config, ...optional('seed', seed) } : body;
  const { forecast, faults, trouble, asking } = useCheck(checked);
  // More than one seed makes a sweep: the first so many, or those from the given one on.
  const count = parent || other.seeds.trim() === '' ? 1 : Number(other.seeds);
  const isCount = Number.isInteger(count) && count >= 1 && count <= MOST_SEEDS;
  const isSweep = isCount && count > 1;
  const countFaults = isCount ? [] : [{ pointer: '/seeds', detail: `must be a whole number between 1 and ${MOST_SEEDS}; got ${other.seeds}` }];
  // What stands below the forecast waits for the first one, so that nothing jumps.
  const isAnswered = forecast !== null || faults.length > 0 || trouble !== '';
  const allFaults = refused.faults.length > 0 ? refused.faults : [...faults, ...countFaults];
  const path = parent ? `/api/v1/runs/${parent.id}/clone` : isSweep ? '/api/v1/sweeps' : '/api/v1/runs';
  const sent = isSweep ? asSweep(body, count) : body;
  const curl = `curl -X POST ${location.origin}${path} \\\n  -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify(sent))}`;

  // A clone is the parent's whole config under another name; no line is as short.
  const terminal = parent ? '' : terminalLine(sent);

  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const made = await post(path, sent, { idempotencyKey: newIdempotencyKey() });
      navigate(`/${isSweep ? 'sweeps' : 'runs'}/${made.id}`);
    } catch (problem) {
      setRefused({ text: problem instanceof Error ? problem.message : String(problem), faults: problem instanceof Problem ? problem.errors : [] });
      setBusy(false);
    }
  };
  const set = (name) => (event) => setOther({ ...other, [name]: event.currentTarget.value });
  const faultOf = (name) => allFaults.filter(({ pointer }) => pointer === `/${name}` || pointer.startsWith(`/${name}/`)).map((fault) => fault.detail).join('; ');
  const text = (name, label, hint, kind = '') => html`<div class=${faultOf(name) ? 'field is-faulty' : 'field'}>
    <label for=${`run-${name}`}>${label}</label>
    <input id=${`run-${name}`} type="text" class=${kind} placeholder=${hint} autocomplete="off" value=${other[name]} onInput=${set(name)} aria-invalid=${faultOf(name) !== ''} />
    ${faultOf(name) && html`<p class="help"><span class="fault">${label} ${faultOf(name)}</span></p>`}
  </div>`;

  return html`<main class="page">
    <div class="page-head"><h1>${card.title} <span class="quiet">${parent ? `clone of ${parent.name || `run ${shortId(parent.id)}`}` : 'new run'}</span></h1>${!parent && html`<a href=${`/sweeps/new?experiment=${card.id}${preset ? `&preset=${preset.id}` : ''}`}>Sweep instead</a>`}</div>
    <form class="new-run" onSubmit=${submit}>
      <div class="new-run-main">
        ${!parent &&
        html`<fieldset class="presets"><legend>Preset</legend>
          ${card.presets.map((one) => html`<label class="preset" key=${one.id}>
            <input type="radio" name="preset" checked=${one.id === preset?.id} onChange=${() => setPresetId(one.id)} />
            <span><b>${one.title}</b> <span class="quiet number">~${formatDuration(one.expected_seconds)}${one.needs ? ` · needs ${one.needs}` : ''}</span><br /><span class="quiet">${one.description}</span></span>
          </label>`)}
        </fieldset>`}
        <${ConfigForm} card=${card} base=${base} config=${config} faults=${allFaults} onChange=${onForm} />
        <fieldset><legend>This run</legend><div class="fields">
          ${text('seed', 'Seed', preset?.seeds?.length ? `${preset.seeds[0]} (the preset's first)` : '0', 'number')}
          ${!parent && text('seeds', 'How many seeds', '1; more make a sweep', 'number')}
          ${text('name', 'Name', 'none')}
          ${!parent && text('project', 'Project', 'default')}
          ${!parent && text('tags', 'Tags', 'with commas between')}
          ${!parent &&
          html`<div class="field"><label for="run-device">Device</label>
            <select id="run-device" onChange=${set('device')}>${['auto', 'cpu', 'cuda:0'].map((device) => html`<option selected=${device === other.device}>${device}</option>`)}</select></div>`}
        </div></fieldset>
      </div>
      <aside class="new-run-side">
        <section class=${asking ? 'forecast is-asking' : 'forecast'} aria-live="polite">
          ${canWrite && html`<button class="primary big" disabled=${busy || allFaults.length > 0}>${busy ? 'Queueing …' : isSweep ? `▶ Run ${count} seeds` : '▶ Run'}</button>`}
          <h2>What will happen</h2>
          <${ForecastTable} forecast=${forecast} runs=${isSweep ? count : 1} />
          ${allFaults.length > 0 && html`<p class="fault">${allFaults.length === 1 ? 'One field needs' : `${allFaults.length} fields need`} another value before it can run.</p>
            <ul class="faults">${allFaults.map((fault) => html`<li key=${fault.pointer}><code>${fault.pointer.replace(/^\/config\//, '').replace(/^\//, '')}</code> ${fault.detail}</li>`)}</ul>`}
          ${(trouble || (refused.text && refused.faults.length === 0)) && html`<p class="fault">${refused.text || trouble}</p>`}
        </section>
        ${isAnswered && html`<section>
          <div class="field-head"><h2>The same as a command</h2><${CopyButton} text=${curl} /></div>
          <pre class="command" tabindex="0">${curl}</pre>
          ${terminal && html`<div class="field-head"><p class="quiet">or in a terminal, and watch it there</p><${CopyButton} text=${terminal} /></div>
            <pre class="command" tabindex="0">${terminal}</pre>`}
        </section>`}
        ${isAnswered && card.paper && html`<section><h2>Paper</h2><p><a href=${card.paper.url} rel="noreferrer">${card.paper.title}</a></p><p class="quiet">${card.paper.authors ? `${card.paper.authors}, ` : ''}${card.paper.year}</p></section>`}
      </aside>
    </form>
  </main>`;
}
