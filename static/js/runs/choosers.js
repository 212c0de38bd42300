/** The menus over the list of runs: its columns, what it is grouped by, and the views that were given a name. */
import { Dialog } from '../dialog.js';
import { html, useState } from '../html.js';
import { choices, columnOf, USUAL } from './columns.js';

/** Chosen at most: more can neither be read nor asked for. */
const MOST_COLUMNS = 24;
const VIEWS_KEY = 'engram.run_views';

/**
 * @param {{fields: import('./filter_text.js').Field[], chosen: string[], onChange: (names: string[]) => void, onClose: () => void}} props
 */
export function ColumnsDialog({ fields, chosen, onChange, onClose }) {
  const [wanted, setWanted] = useState('');
  const { plain, config, summary } = choices(fields);
  const title = (name) => columnOf(name)?.title ?? name;
  const near = (name) => `${name} ${title(name)}`.toLowerCase().includes(wanted.toLowerCase());
  /** @param {string} name */
  const toggle = (name) => onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  /** @param {number} index @param {number} by */
  const move = (index, by) => {
    const next = [...chosen];
    next.splice(index + by, 0, ...next.splice(index, 1));
    onChange(next);
  };
  const group = (heading, names) => {
    const shown = names.filter(near);
    return shown.length > 0 && html`<fieldset><legend>${heading}</legend><div class="column-choices">${shown.map((name) => html`<label class="check" key=${name} title=${name}>
      <input type="checkbox" checked=${chosen.includes(name)} disabled=${!chosen.includes(name) && chosen.length >= MOST_COLUMNS} onChange=${() => toggle(name)} /> <span>${title(name)}</span></label>`)}</div></fieldset>`;
  };
  return html`<${Dialog} title="Columns" wide onClose=${onClose}>
    <ol class="column-order">${chosen.map((name, index) => html`<li key=${name}><span>${title(name)}</span>
      <button type="button" class="mini" disabled=${index === 0} aria-label=${`Move ${title(name)} to the left`} onClick=${() => move(index, -1)}>←</button>
      <button type="button" class="mini" disabled=${index === chosen.length - 1} aria-label=${`Move ${title(name)} to the right`} onClick=${() => move(index, 1)}>→</button>
      <button type="button" class="mini" disabled=${chosen.length === 1} aria-label=${`Leave ${title(name)} out`} onClick=${() => toggle(name)}>✕</button></li>`)}</ol>
    <div class="actions"><input type="search" placeholder="Find a column" aria-label="Find a column" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} />
      <button type="button" onClick=${() => onChange(USUAL)}>The usual ones</button></div>
    <div class="column-groups">${group('Run', plain)}${group('Config', config)}${group('Summary', summary)}</div>
  <//>`;
}

/** @typedef {{name: string, query: string}} View */

/** @returns {View[]} */
function readViews() {
  try {
    const views = JSON.parse(localStorage.getItem(VIEWS_KEY) ?? '[]');
    return Array.isArray(views) ? views.filter((view) => typeof view?.name === 'string' && typeof view?.query === 'string') : [];
  } catch {
    return [];
  }
}

/** @param {{query: string, onChoose: (query: string) => void, onClose: () => void}} props `query` is the address of the list as it stands */
export function ViewsDialog({ query, onChoose, onClose }) {
  const [views, setViews] = useState(readViews);
  const [name, setName] = useState('');
  const [fault, setFault] = useState('');
  /** @param {View[]} next */
  const keep = (next) => {
    try {
      localStorage.setItem(VIEWS_KEY, JSON.stringify(next));
      setViews(next);
      setFault('');
    } catch {
      setFault('This browser keeps nothing for this page; the address of the view can be kept instead.');
    }
  };
  const save = (event) => {
    event.preventDefault();
    const given = name.trim();
    if (given === '') return;
    keep([...views.filter((view) => view.name !== given), { name: given, query }].sort((a, b) => a.name.localeCompare(b.name)));
    setName('');
  };
  return html`<${Dialog} title="Views" onClose=${onClose}>
    <p>A view is filter, columns, order and groups. Its address shows it to anybody who may see these runs; names are kept in this browser.</p>
    ${views.length > 0 && html`<ul class="views">${views.map((view) => html`<li key=${view.name}>
      <a href=${`/runs${view.query}`} aria-current=${view.query === query ? 'true' : undefined} onClick=${(event) => { event.preventDefault(); event.stopPropagation(); onChoose(view.query); }}>${view.name}</a>
      <button type="button" class="mini" aria-label=${`Forget ${view.name}`} onClick=${() => keep(views.filter((other) => other.name !== view.name))}>Forget</button></li>`)}</ul>`}
    <form class="actions" onSubmit=${save}>
      <input type="text" placeholder="Name of this view" aria-label="Name of this view" maxlength="100" value=${name} onInput=${(event) => setName(event.currentTarget.value)} />
      <button class="primary" disabled=${name.trim() === ''}>Save this view</button>
    </form>
    ${fault && html`<p class="fault">${fault}</p>`}
  <//>`;
}

/** @param {{fields: import('./filter_text.js').Field[], value: string, onChange: (by: string) => void}} props */
export function GroupSelect({ fields, value, onChange }) {
  const names = fields.filter((field) => field.groupable).map((field) => field.name);
  const all = value !== '' && !names.includes(value) ? [value, ...names] : names;
  return html`<select aria-label="Group by" onChange=${(event) => onChange(event.currentTarget.value)}>
    <option value="" selected=${value === ''}>no groups</option>
    ${all.map((name) => html`<option key=${name} value=${name} selected=${name === value}>by ${name}</option>`)}
  </select>`;
}
