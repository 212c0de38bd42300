/** When a link ends. */
import { html } from '../html.js';

/** @type {[string, number | null][]} */
export const TERMS = [
  ['Never', null],
  ['In an hour', 3600],
  ['In a day', 86400],
  ['In a week', 7 * 86400],
  ['In 30 days', 30 * 86400],
];

/** @param {{term: number, onChange: (term: number) => void, keep?: string, keepTitle?: string}} props `keep` names the choice to leave it as it is, −1 */
export function TermChoice({ term, onChange, keep, keepTitle = '' }) {
  return html`<label class="stacked">Ends <select onChange=${(event) => onChange(Number(event.currentTarget.value))}>
    ${keep && html`<option value="-1" title=${keepTitle} selected=${term === -1}>${keep}</option>`}
    ${TERMS.map(([name], i) => html`<option key=${i} value=${i} selected=${i === term}>${name}</option>`)}
  </select></label>`;
}
