/** Several runs over each other: curves with mean and interval over any grouping, results, where configs differ, and values against each other. */
import { styleAt } from '../arms.js';
import { html, useEffect, useMemo, useRef, useState } from '../html.js';
import { useLostSince } from '../news_state.js';
import { useQuery } from '../router.js';
import { StateCounts } from '../sweep/sweep_face.js';
import { useDark } from '../theme.js';
import { Clock } from '../when.js';
import { MOST_RUNS } from './compare_data.js';
import { differingFields, groupings, groupsOf, withoutRepeats } from './grouping.js';
import { LiveComparison } from './live_comparison.js';
import { Overlay } from './overlay.js';
import { ConfigDiff, SummaryTable } from './summary_tables.js';
import { Values } from './values.js';

/** @typedef {import('../types.js').Run} Run */

/** @param {Run[]} runs @returns {import('../types.js').StateCounts} */
function countStates(runs) {
  const counts = { queued: 0, running: 0, paused: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const run of runs) counts[run.status] += 1;
  return counts;
}

/**
 * @param {{compared: import('./compare_data.js').Compared, source: import('./compare_data.js').Source, title: string, actions?: any}} props
 */
export function Comparison({ compared, source, title, actions }) {
  const isDark = useDark();
  const { cards, left } = compared;
  const live = useMemo(() => new LiveComparison(compared.runs, source), [compared.runs, source]);
  const [, again] = useState(0);
  useEffect(() => {
    live.onChange = () => again((n) => n + 1);
    return () => live.close();
  }, [live]);
  const lostSince = useLostSince(source.news);
  const { runs } = live;
  // What stands below the legend waits for it once, so that nothing jumps.
  const isDrawn = useRef(false);
  isDrawn.current ||= live.curves !== null || live.error !== null;
  const { kept, repeats } = useMemo(() => withoutRepeats(runs), [runs]);
  const differing = useMemo(() => differingFields(kept), [kept]);
  const possible = useMemo(() => groupings(kept), [kept]);
  const [by, setBy] = useQuery('by', 'config');
  const [hidden, setHidden] = useQuery('hide');
  const groups = useMemo(() => groupsOf(kept, possible.includes(by) ? by : 'config', differing), [kept, by, differing, possible]);
  const off = new Set(hidden.split('|').filter(Boolean));
  const shownGroups = groups.filter((group) => !off.has(group.label));
  const toggle = (label) => setHidden((off.has(label) ? [...off].filter((other) => other !== label) : [...off, label]).join('|'));
  const colorOf = useMemo(() => new Map(groups.flatMap((group, index) => group.runs.map((run) => [run.id, index]))), [groups]);
  const dots = useMemo(
    () => shownGroups.flatMap((group) => group.runs.map((run) => ({ run, group: group.label, color: styleAt(colorOf.get(run.id) ?? 0).color }))),
    [groups, hidden, isDark],
  );
  const count = `${runs.length} runs${groups.length > 1 ? `, ${groups.length} groups` : ''}${repeats > 0 ? `, ${repeats} left out: ${repeats === 1 ? 'it repeats' : 'they repeat'} a seed` : ''}${left > 0 ? `, ${left} more than the ${MOST_RUNS} shown` : ''}`;

  return html`<main class=${lostSince ? 'page compare is-stale' : 'page compare'}>
    <div class="page-head"><h1>${title} <span class="quiet">${count}</span></h1>
      <label class="check">group by <select aria-label="Group by" onChange=${(event) => setBy(event.currentTarget.value)}>${possible.map((name) => html`<option key=${name} value=${name} selected=${name === by}>${name === 'run' ? 'nothing: each run alone' : name}</option>`)}</select></label>
      ${actions}
    </div>
    <div class="status-face"><${StateCounts} counts=${countStates(runs)} />${lostSince && source.anonymous && html`<span class="stale" role="status">stale since <${Clock} time=${lostSince} /> · reconnecting</span>`}</div>
    <${Overlay} live=${live} groups=${groups} off=${off} onToggle=${toggle} cards=${cards} isDark=${isDark} />
    ${isDrawn.current && html`<h2>Configs</h2>
    <${ConfigDiff} groups=${shownGroups} differing=${differing} />
    <${Values} dots=${dots} differing=${differing} cards=${cards} runs=${kept} pageOf=${source.pageOf} />
    <h2>Summary</h2>
    <${SummaryTable} groups=${shownGroups} arms=${cards.flatMap((card) => card.arms)} />
    <h2>Runs</h2>
    <ul class="files compared-runs">${shownGroups.flatMap((group) => group.runs.map((run) => html`<li key=${run.id}><a href=${source.pageOf(run)} dir="auto">${run.name || `${run.experiment} · ${run.preset ?? ''}`}</a> <span class="quiet number">${groups.length > 1 ? `${group.label} · ` : ''}seed ${run.seed} · ${run.status}</span></li>`))}</ul>`}
  </main>`;
}
