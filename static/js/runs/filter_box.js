/** The box for a filter: words search, comparisons filter; completion while typing, and every fault marked under it. */
import { html, useEffect, useRef, useState } from '../html.js';
import { suggest } from './filter_text.js';

/** How long typing must rest before the list is asked for. */
const REST_MS = 350;

/** @typedef {{position: number, length: number, detail: string}} FilterFault in characters, as the server counts them */

/**
 * @param {{value: string, onChange: (text: string) => void, faults: FilterFault[], faulty: string, fields: import('./filter_text.js').Field[]}} props
 *   `faults` are those of the text `faulty`
 */
export function FilterBox({ value, onChange, faults, faulty, fields }) {
  const [text, setText] = useState(value);
  const [open, setOpen] = useState(false);
  const [at, showAt] = useState(-1);
  // Keys may come faster than the box is drawn, so what they act on is kept beside the drawn state.
  const place = useRef(-1);
  /** @param {number} next */
  const setAt = (next) => {
    place.current = next;
    showAt(next);
  };
  const [caret, setCaret] = useState(0);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const timer = useRef(0);
  const told = useRef(value);
  useEffect(() => {
    // Set from outside: another view, or "clear".
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: 'nearest' }), [at]);

  const items = open ? suggest(text, caret, fields).items : [];
  /** @param {string} next @param {boolean} [now] */
  const tell = (next, now = false) => {
    setText(next);
    clearTimeout(timer.current);
    const say = () => {
      told.current = next;
      onChange(next);
    };
    if (now) say();
    else timer.current = setTimeout(say, REST_MS);
  };
  /** What could stand at the caret of the field as it is now. */
  const current = () => suggest(input.current?.value ?? text, input.current?.selectionStart ?? caret, fields);
  /** @param {import('./filter_text.js').Suggestion | undefined} item */
  const take = (item) => {
    const field = input.current;
    if (!item || !field) return;
    const { from, to } = current();
    const end = from + item.text.length + 1;
    // At once, and not when it is drawn: the next key may be on its way.
    field.value = `${field.value.slice(0, from)}${item.text} ${field.value.slice(to).trimStart()}`;
    field.focus();
    field.setSelectionRange(end, end);
    tell(field.value);
    setAt(-1);
    setCaret(end);
  };
  const onKey = (event) => {
    const now = open ? current().items : [];
    if (event.key === 'ArrowDown' && now.length > 0) setAt((place.current + 1) % now.length);
    else if (event.key === 'ArrowUp' && now.length > 0) setAt((place.current <= 0 ? now.length : place.current) - 1);
    else if (event.key === 'Enter' && now[place.current]) take(now[place.current]);
    else if (event.key === 'Enter') {
      setOpen(false);
      tell(event.currentTarget.value, true);
    } else if (event.key === 'Escape' && open) setOpen(false);
    else return;
    event.preventDefault();
  };
  const follow = (event) => setCaret(event.currentTarget.selectionStart ?? 0);
  const shown = faulty === text ? faults : [];
  return html`<div class="filter-box">
    <input type="search" ref=${input} value=${text} role="combobox" aria-label="Filter" aria-autocomplete="list" aria-expanded=${items.length > 0} aria-controls="filter-suggestions"
      aria-activedescendant=${items[at] ? `filter-suggestion-${at}` : undefined} aria-invalid=${shown.length > 0} aria-describedby=${shown.length > 0 ? 'filter-faults' : undefined}
      placeholder="Words, or a filter: status = failed and tag = good" spellcheck=${false} autocomplete="off" autocapitalize="off"
      onInput=${(event) => {
        follow(event);
        setOpen(true);
        setAt(-1);
        tell(event.currentTarget.value, event.currentTarget.value === '');
      }}
      onChange=${(event) => event.currentTarget.value !== text && tell(event.currentTarget.value)}
      onKeyUp=${follow} onClick=${(event) => { follow(event); setOpen(true); }} onKeyDown=${onKey} onBlur=${() => setOpen(false)} />
    <ul id="filter-suggestions" class="suggestions" role="listbox" aria-label="Suggestions" ref=${list} hidden=${items.length === 0} onMouseDown=${(event) => event.preventDefault()}>
      ${items.map((item, index) => html`<li key=${item.text} id=${`filter-suggestion-${index}`} role="option" aria-selected=${index === at} onClick=${() => take(item)}>
        <code>${item.text}</code> <span class="quiet">${item.note}</span></li>`)}
    </ul>
    ${shown.length > 0 && html`<${Faults} text=${text} faults=${shown} />`}
  </div>`;
}

/** @param {{text: string, faults: FilterFault[]}} props */
function Faults({ text, faults }) {
  // The server counts characters, JavaScript halves of some.
  const characters = [...text];
  const pieces = [];
  let done = 0;
  for (const { position, length } of faults) {
    pieces.push(characters.slice(done, position).join(''));
    pieces.push(html`<mark>${characters.slice(position, position + length).join('') || '␣'}</mark>`);
    done = position + length;
  }
  pieces.push(characters.slice(done).join(''));
  return html`<div id="filter-faults" class="filter-faults" role="alert">
    <code aria-hidden="true">${pieces}</code>
    ${faults.map((fault) => html`<p class="fault" key=${fault.position}>${fault.detail}</p>`)}
  </div>`;
}
