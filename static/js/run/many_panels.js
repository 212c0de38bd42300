/** Panels that no card has planned: those of a run that records thousands of metrics are looked for by name and drawn a page at a time. */
import { html, useState } from '../html.js';
import { useQuery } from '../router.js';

/** Panels drawn at first, and with each press of the button. */
const PAGE = 24;

/** @typedef {import('../types.js').Panel} Panel */

/** @param {{title: string, panels: Panel[], draw: (panel: Panel) => any}} props */
export function ManyPanels({ title, panels, draw }) {
  const [wanted, setWanted] = useQuery('find');
  const [shown, setShown] = useState(PAGE);
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const found = panels.filter((panel) => words.every((word) => panel.title.toLowerCase().includes(word)));
  return html`<section class="panel-section" aria-label=${title}>
    <h2>${title} ${panels.length > PAGE && html`<span class="quiet">${words.length > 0 ? `${found.length} of ${panels.length}` : panels.length} metrics</span>`}</h2>
    ${panels.length > PAGE && html`<input type="search" class="find-panel" placeholder="Find a metric" aria-label="Find a metric" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} />`}
    <div class="panels">${found.slice(0, shown).map(draw)}</div>
    ${found.length === 0 && html`<p class="quiet">No metric has this in its name.</p>`}
    ${found.length > shown && html`<button class="more" onClick=${() => setShown(shown + PAGE)}>Show ${Math.min(PAGE, found.length - shown)} more</button>`}
  </section>`;
}

/** What depends on the clock or the machine, folded until someone asks. @param {{panels: Panel[], draw: (panel: Panel) => any}} props */
export function SystemPanels({ panels, draw }) {
  const [open, setOpen] = useQuery('system');
  return html`<details class="panel-section system" open=${open === 'open'} onToggle=${(event) => setOpen(event.currentTarget.open ? 'open' : '')}>
    <summary><h2>System</h2> <span class="quiet">speed, memory and processor: ${panels.length} series</span></summary>
    ${open === 'open' && html`<div class="panels">${panels.map(draw)}</div>`}
  </details>`;
}
