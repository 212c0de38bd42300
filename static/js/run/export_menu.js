/** The files that a run can be saved as. */
import { CopyButton } from '../clipboard.js';
import { html, useEffect, useRef, useState } from '../html.js';

/** @type {[string, string, string][]} ending, name, what it is */
const FORMATS = [
  ['html', 'Report', 'one page with curves, pictures and claims that opens offline'],
  ['zip', 'Everything', 'zip: points in every form, pictures, log, files, report'],
  ['csv', 'CSV', 'every point, a row each'],
  ['json', 'JSON', 'the run and every point'],
  ['parquet', 'Parquet', 'every point in columns'],
  ['tfevents', 'TensorBoard', 'event file, single precision'],
  ['bib', 'BibTeX', 'the paper and this reproduction'],
];

/** @param {{base: string}} props the address of the run, its own or that of a share */
export function ExportMenu({ base }) {
  const root = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  const [open, setOpen] = useState(false);
  const [citation, setCitation] = useState('');
  useEffect(() => {
    if (!open) return undefined;
    const close = (event) => {
      const outside = event.type === 'keydown' ? event.key === 'Escape' : !root.current?.contains(event.target);
      if (outside && root.current) root.current.open = false;
    };
    addEventListener('click', close);
    addEventListener('keydown', close);
    return () => {
      removeEventListener('click', close);
      removeEventListener('keydown', close);
    };
  }, [open]);
  useEffect(() => {
    if (open && citation === '') fetch(`${base}/export.bib`).then((response) => (response.ok ? response.text() : '')).then(setCitation, () => {});
  }, [open]);
  return html`<details class="menu" ref=${root} onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary class="button">Export</summary>
    <ul>
      ${FORMATS.map(([ending, name, what]) => html`<li key=${ending}><a href=${`${base}/export.${ending}`} download>${name} <span class="quiet">${what}</span></a></li>`)}
      ${citation && html`<li><span class="quiet">Citation</span> <${CopyButton} label="Copy BibTeX" text=${citation} /></li>`}
    </ul>
  </details>`;
}
