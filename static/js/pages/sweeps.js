/** The list of sweeps, newest first. */
import { get, getCatalogue } from '../api.js';
import { formatConfig } from '../format.js';
import { html, useState } from '../html.js';
import { useLoad, useTitle } from '../load.js';
import { notifyError } from '../notice.js';
import { Scroll } from '../scroll.js';
import { useRunNews } from '../sweep/news.js';
import { isGoingOn, StateCounts } from '../sweep/sweep_face.js';
import { Age } from '../when.js';

/** Values of one field named one by one. */
const MOST_NAMED = 5;

/** @param {import('../types.js').Sweep} sweep */
function gridText({ grid, cell_count: count, seeds }) {
  const listed = (values) => (values.length <= MOST_NAMED ? formatConfig(values) : `${formatConfig(values[0])} … ${formatConfig(values[values.length - 1])} (${values.length} values)`);
  const axes = Object.entries(grid).map(([field, values]) => `${field} ${listed(values)}`);
  const drawn = axes.length === 0 && count > 1 ? [`${count} drawn cells`] : axes;
  return [...drawn, seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds`].join(' × ');
}

export function SweepsPage() {
  useTitle('Sweeps');
  const { value, error, reload } = useLoad((signal) => get('/api/v1/sweeps', { signal }), []);
  const { value: cards, error: nameless } = useLoad(getCatalogue, []);
  const [older, setOlder] = useState({ sweeps: /** @type {import('../types.js').Sweep[]} */ ([]), cursor: /** @type {string | null | undefined} */ (undefined) });
  const first = /** @type {import('../types.js').Sweep[]} */ (value?.items ?? []);
  const known = new Set(first.map((sweep) => sweep.id));
  const sweeps = [...first, ...older.sweeps.filter((sweep) => !known.has(sweep.id))];
  const cursor = older.cursor === undefined ? value?.next_cursor : older.cursor;
  useRunNews(value === null || sweeps.some(isGoingOn), reload);
  const more = async () => {
    try {
      const page = await get(`/api/v1/sweeps?cursor=${encodeURIComponent(cursor)}`);
      setOlder({ sweeps: [...older.sweeps, ...page.items], cursor: page.next_cursor });
    } catch (problem) {
      notifyError(problem);
    }
  };
  return html`<main class="page">
    <div class="page-head"><h1>Sweeps</h1><a href="/runs">All runs</a><a class="button" href="/sweeps/new">New sweep</a></div>
    ${error && html`<p class="fault">${error.message}</p>`}
    ${value && sweeps.length === 0 && html`<div class="empty"><p>A sweep runs an experiment with several seeds, or every combination of several values, and judges the paper's claims over them. A random search draws the values instead.</p><a class="button primary" href="/sweeps/new">Make a sweep</a></div>`}
    ${sweeps.length > 0 && (cards || nameless) &&
    html`<${Scroll}><table class="data">
      <thead><tr><th scope="col">Name</th><th scope="col">Grid</th><th scope="col" class="number">Runs</th><th scope="col">States</th><th scope="col" class="from-wide">Project</th><th scope="col" class="number">Made</th></tr></thead>
      <tbody>
        ${sweeps.map((sweep) => html`<tr key=${sweep.id}>
          <td class="name"><a href=${`/sweeps/${sweep.id}`}>${sweep.name || `${cards?.find((card) => card.id === sweep.experiment)?.title ?? sweep.experiment} · ${sweep.preset}`}</a></td>
          <td class="source">${gridText(sweep)}</td>
          <td class="number">${sweep.run_count}</td>
          <td><${StateCounts} counts=${sweep.status} /></td>
          <td class="from-wide cut">${sweep.project}</td>
          <td class="number quiet"><${Age} time=${sweep.created_at} /></td>
        </tr>`)}
      </tbody>
    </table><//>`}
    ${cursor && html`<p class="more"><button onClick=${more}>Load more</button></p>`}
  </main>`;
}
