/** One varied field of the sweep form: its name, its values or its range, and what is wrong with them. */
import { html } from '../html.js';
import { isNumeric, optionsOf } from './axes.js';

/**
 * @param {{axis: import('./axes.js').Axis, field: import('../form/schema.js').Field, random: boolean, faults: string[],
 *   onChange: (axis: import('./axes.js').Axis) => void, onRemove: () => void}} props
 */
export function AxisRow({ axis, field, random, faults, onChange, onRemove }) {
  const id = `axis-${axis.field}`;
  const options = optionsOf(field);
  const text = (part, label, hint) => html`<label class="stacked">${label}<input type="text" id=${`${id}-${part}`} autocomplete="off" spellcheck=${false} placeholder=${hint} value=${axis[part]}
    aria-invalid=${faults.length > 0} aria-describedby=${`${id}-help`} onInput=${(event) => onChange({ ...axis, [part]: event.currentTarget.value })} /></label>`;
  return html`<div class=${faults.length > 0 ? 'axis field is-faulty' : 'axis field'} role="group" aria-label=${field.title}>
    <div class="field-head"><b>${field.title}</b> <code>${axis.field}</code><button type="button" class="mini" aria-label=${`Remove ${field.title}`} onClick=${onRemove}>Remove</button></div>
    ${options
      ? html`<span class="choices">${options.map((option) => html`<label class="check" key=${String(option)}><input type="checkbox" checked=${axis.chosen.includes(option)}
          onChange=${(event) => onChange({ ...axis, chosen: options.filter((other) => (other === option ? event.currentTarget.checked : axis.chosen.includes(other))) })} /> ${String(option)}</label>`)}</span>`
      : random && isNumeric(field)
        ? html`<div class="axis-range">${text('low', 'From', '')}${text('high', 'To', '')}
            <label class="check"><input type="checkbox" checked=${axis.log} onChange=${(event) => onChange({ ...axis, log: event.currentTarget.checked })} /> evenly in the logarithm</label></div>`
        : text('values', 'Values', isNumeric(field) ? 'with commas between' : 'with commas between, or as JSON: ["a", "b"]')}
    <p class="help" id=${`${id}-help`}>${faults.map((fault) => html`<span class="fault" key=${fault}>${field.title} ${fault}</span>`)}
      ${field.range && faults.length === 0 && html`<span class="range">${field.range}</span> `}${field.help}</p>
  </div>`;
}
