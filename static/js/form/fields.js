/** One field of the form: its control, what is allowed, whether it was changed, and what is wrong with it. */
import { formatConfig } from '../format.js';
import { html, useEffect, useState } from '../html.js';

/**
 * What was typed, as JSON: a number where it is one, else the text itself, which the server then names as the fault.
 * @param {string} text @param {boolean} nullable @returns {any} `undefined` for an empty text
 */
function typedNumber(text, nullable) {
  const trimmed = text.trim();
  if (trimmed === '') return nullable ? null : undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
}

/** @param {import('./schema.js').Field} field @param {string} text @returns {any} */
function parseText(field, text) {
  if (field.kind === 'integer' || field.kind === 'number') return typedNumber(text, field.nullable);
  if (field.kind === 'list') return text.split(/[,\s]+/).filter(Boolean).map((part) => typedNumber(part, false));
  if (field.kind === 'json') {
    try {
      return text.trim() === '' ? (field.nullable ? null : undefined) : JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text === '' && field.nullable ? null : text;
}

/** @param {import('./schema.js').Field} field @param {any} value @returns {string} */
function shownText(field, value) {
  if (value === undefined || value === null) return '';
  if (field.kind === 'list' && Array.isArray(value)) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** @param {{field: import('./schema.js').Field, id: string, value: any, described: string, invalid: boolean, onChange: (value: any) => void}} props */
function TextControl({ field, id, value, described, invalid, onChange }) {
  const [text, setText] = useState(shownText(field, value));
  // A value set from outside (preset, reset) replaces what was typed; one that was typed here stays as typed.
  useEffect(() => {
    if (JSON.stringify(parseText(field, text)) !== JSON.stringify(value)) setText(shownText(field, value));
  }, [value]);
  const numeric = field.kind === 'integer' || field.kind === 'number';
  return html`<input
    id=${id} type="text" class=${numeric ? 'number' : ''} inputmode=${numeric ? 'decimal' : 'text'} autocomplete="off" spellcheck=${false}
    value=${text} aria-describedby=${described} aria-invalid=${invalid}
    placeholder=${field.nullable ? 'none' : ''}
    onInput=${(event) => {
      setText(event.currentTarget.value);
      onChange(parseText(field, event.currentTarget.value));
    }} />`;
}

/**
 * @param {{field: import('./schema.js').Field, value: any, base: any, changed: boolean, faults: string[],
 *   labelOf?: (option: any) => string, onChange: (value: any) => void, onReset: () => void}} props
 */
export function FormField({ field, value, base, changed, faults, labelOf = String, onChange, onReset }) {
  const id = `field-${field.name}`;
  const described = `${id}-help`;
  const invalid = faults.length > 0;
  let control;
  if (field.kind === 'boolean') {
    control = html`<label class="check"><input id=${id} type="checkbox" checked=${value === true} aria-describedby=${described} onChange=${(event) => onChange(event.currentTarget.checked)} /> ${value ? 'yes' : 'no'}</label>`;
  } else if (field.kind === 'choice') {
    control = html`<select id=${id} aria-describedby=${described} aria-invalid=${invalid}
      onChange=${(event) => onChange(event.currentTarget.value === '' ? null : field.options[Number(event.currentTarget.value)])}>
      ${field.nullable && html`<option value="" selected=${value === null}>none</option>`}
      ${field.options.map((option, index) => html`<option value=${String(index)} selected=${option === value}>${labelOf(option)}</option>`)}
    </select>`;
  } else if (field.kind === 'choices') {
    const chosen = Array.isArray(value) ? value : [];
    control = html`<span class="choices" role="group" aria-labelledby=${`${id}-label`} aria-describedby=${described}>
      ${field.options.map((option) => html`<label class="check"><input type="checkbox" checked=${chosen.includes(option)}
        onChange=${(event) => onChange(field.options.filter((other) => (other === option ? event.currentTarget.checked : chosen.includes(other))))} /> ${labelOf(option)}</label>`)}
    </span>`;
  } else {
    control = html`<${TextControl} field=${field} id=${id} value=${value} described=${described} invalid=${invalid} onChange=${onChange} />`;
  }
  const wide = field.kind === 'choices' || field.kind === 'json';
  return html`<div class=${`field${changed ? ' is-changed' : ''}${invalid ? ' is-faulty' : ''}${wide ? ' wide' : ''}`}>
    <div class="field-head">
      <label id=${`${id}-label`} for=${id}>${field.title}</label>
      ${changed && html`<button type="button" class="mini" title=${`Back to ${formatConfig(base)}`} onClick=${onReset}>changed · undo</button>`}
    </div>
    ${control}
    <p class="help" id=${described}>
      ${faults.map((fault) => html`<span class="fault">${field.title} ${fault}</span>`)}
      ${field.range && !invalid && html`<span class="range">${field.range}</span> `}${field.help}
    </p>
  </div>`;
}
