/** The form of a config, drawn from its schema: the telling fields first, all of them behind a fold. */
import { html } from '../html.js';
import { FormField } from './fields.js';
import { fieldsOf, GROUP_ORDER, kindsOf, sameValue } from './schema.js';

/** Fields shown before the fold where no preset says which ones tell. */
const FEWEST_FIELDS = 6;
/** Fields that a reader of any experiment wants to turn. */
const ALWAYS = ['arms', 'dataset', 'learning_rate', 'epochs', 'steps'];

/**
 * The names of fields that presets set, and those that always tell.
 * @param {import('../types.js').Card} card @param {import('./schema.js').Field[]} fields @returns {Set<string>}
 */
function tellingFields(card, fields) {
  const names = new Set([...ALWAYS, ...card.presets.flatMap((preset) => Object.keys(preset.config))].filter((name) => fields.some((field) => field.name === name)));
  for (const field of fields) if (names.size < FEWEST_FIELDS) names.add(field.name);
  return names;
}

/** @param {import('./schema.js').Field[]} fields @returns {[string, import('./schema.js').Field[]][]} */
function grouped(fields) {
  const names = [...new Set(fields.map((field) => field.group))];
  const place = (name) => (GROUP_ORDER.includes(name) ? GROUP_ORDER.indexOf(name) : GROUP_ORDER.length);
  return names.sort((a, b) => place(a) - place(b)).map((name) => [name, fields.filter((field) => field.group === name)]);
}

/**
 * @param {{card: import('../types.js').Card, base: Record<string, any>, config: Record<string, any>,
 *   faults: import('../types.js').Fault[], onChange: (config: Record<string, any>) => void}} props
 *   `base` is what the preset says, complete; `config` what the form says
 */
export function ConfigForm({ card, base, config, faults, onChange }) {
  const fields = fieldsOf(card.config_schema, config);
  const kinds = kindsOf(card.config_schema);
  const telling = tellingFields(card, fields);
  const faultsOf = (name) => faults.filter(({ pointer }) => pointer === `/config/${name}` || pointer.startsWith(`/config/${name}/`)).map((fault) => fault.detail);
  const armTitles = new Map(card.arms.map((arm) => [arm.id, arm.title]));
  const isChanged = (field) => !sameValue(config[field.name], base[field.name]);
  // What was changed or is wrong must be seen, wherever it stands.
  const isFirst = (field) => telling.has(field.name) || isChanged(field) || faultsOf(field.name).length > 0;
  const first = fields.filter(isFirst);
  const rest = fields.filter((field) => !isFirst(field));

  const draw = (field) => html`<${FormField}
    key=${field.name} field=${field} value=${config[field.name]} base=${base[field.name]} changed=${isChanged(field)} faults=${faultsOf(field.name)}
    labelOf=${(option) => (field.name === 'arms' ? (armTitles.get(option) ?? String(option)) : String(option))}
    onChange=${(value) => onChange({ ...config, [field.name]: value })}
    onReset=${() => onChange({ ...config, [field.name]: base[field.name] })} />`;
  const drawGroups = (list) =>
    grouped(list).map(([name, members]) => html`<fieldset key=${name}><legend>${name}</legend><div class="fields">${members.map(draw)}</div></fieldset>`);

  return html`<div class="config-form">
    ${kinds.length > 1 &&
    html`<fieldset><legend>Kind</legend><div class="fields"><div class="field">
      <div class="field-head"><label for="field-kind">Experiment kind</label></div>
      <select id="field-kind" onChange=${(event) => onChange({ kind: event.currentTarget.value })}>
        ${kinds.map(({ kind, title }) => html`<option value=${kind} selected=${kind === config.kind}>${title}</option>`)}
      </select>
    </div></div></fieldset>`}
    ${drawGroups(first)}
    ${rest.length > 0 &&
    html`<details class="all-fields"><summary>All fields (${rest.length} more, at their defaults)</summary>${drawGroups(rest)}</details>`}
  </div>`;
}
