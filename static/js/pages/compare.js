/** The page of a comparison: the runs that are ticked or match a filter, over each other. */
import { Comparison } from '../compare/comparison.js';
import { LAB, readRuns } from '../compare/compare_data.js';
import { html, useState } from '../html.js';
import { usePageKeys } from '../keys.js';
import { useLoad, useTitle } from '../load.js';
import { useQuery } from '../router.js';
import { ShareDialog } from '../run/share_dialog.js';
import { useCanWrite } from '../session.js';

/** What of the address says which runs these are; the rest is how they are looked at. */
const CHOICE = ['runs', 'filter'];

/** How the comparison is looked at now, as a query. */
function viewNow() {
  const query = new URLSearchParams(location.search);
  CHOICE.forEach((name) => query.delete(name));
  return query.toString();
}

export function ComparePage() {
  useTitle('Compare');
  const [ids] = useQuery('runs');
  const [filter] = useQuery('filter');
  const [sharing, setSharing] = useState(false);
  const canWrite = useCanWrite();
  const list = ids.split(',').filter(Boolean);
  const isAsked = list.length > 0 || filter !== '';
  const { value, error } = useLoad(() => (isAsked ? readRuns(list, filter) : Promise.resolve(null)), [ids, filter]);
  const canShare = canWrite && Boolean(value?.runs.length);
  usePageKeys((event) => event.key === 's' && canShare && setSharing(true));
  if (!isAsked) {
    return html`<main class="page"><div class="page-head"><h1>Compare</h1></div>
      <div class="empty"><p>Selected runs lie over each other here: seeds of one config as a mean with its interval, configs side by side. Tick runs in the list and press <b>Compare</b>, or use <kbd>x</kbd> and <kbd>c</kbd>.</p>
      <a class="button primary" href="/runs">Choose runs</a></div></main>`;
  }
  if (error) return html`<main class="page"><h1>Compare</h1><p class="fault">${error.message}</p></main>`;
  if (!value) return html`<main class="page"><p class="quiet loading">Reading ${list.length > 0 ? `${list.length} runs` : 'runs'} …</p></main>`;
  if (value.runs.length === 0) return html`<main class="page"><h1>Compare</h1><p>None of these runs is there any more. <a href="/runs">Choose others</a></p></main>`;
  const share = canShare && html`<button type="button" onClick=${() => setSharing(true)}>Share</button>`;
  const title = `${value.runs.length} runs of ${value.cards.map((card) => card.title).join(' and ')}`;
  return html`<${Comparison} compared=${value} source=${LAB} title="Compare" actions=${share} />
    ${sharing && html`<${ShareDialog} what="comparison" target=${{ run_ids: value.runs.map((run) => run.id) }} view=${viewNow()} title=${title} onClose=${() => setSharing(false)} />`}`;
}
