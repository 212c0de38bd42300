/** The body of a run, the same on its own page and on a shared one: claims, panels, results, config, log, files, and the slider. */
import { armsOfRun, armStyle, armTitle, inCardOrder } from '../arms.js';
import { ChartGroup } from '../charts/group.js';
import { shortId } from '../format.js';
import { FrameCache } from '../frames/frame_cache.js';
import { html, useEffect, useMemo } from '../html.js';
import { useQuery } from '../router.js';
import { useDark } from '../theme.js';
import { Artifacts } from './artifacts.js';
import { isClockName, panelFor, useCardOrBare } from './bare_card.js';
import { Claims } from './claims.js';
import { ConfigTable } from './config_table.js';
import { FramePanel } from './frame_panel.js';
import { LogPanel } from './log_panel.js';
import { Results } from './results.js';
import { TERMINAL } from './run_data.js';
import { SeriesPanel } from './series_panel.js';
import { StepSlider } from './step_slider.js';
import { useGroupTopics, useRunTopics } from './watch.js';

/** @param {{group: ChartGroup, data: import('./run_data.js').RunData, card: import('../types.js').Card}} props */
function ViewTools({ group, data, card }) {
  useDark();
  useGroupTopics(group, 'range', 'arms');
  const [weight, setWeight] = useQuery('smooth', '0');
  const recorded = new Set([...data.series.values()].map((series) => series.arm));
  const expected = armsOfRun(card, data.run?.config ?? {});
  const arms = inCardOrder(card.arms, [...recorded, ...(card.arms.length > 0 ? expected : [])]).flatMap((arm) => (arm === null ? [] : [arm]));
  useEffect(() => group.setSmoothing(Math.min(0.99, Math.max(0, Number(weight) || 0))), [weight, group]);
  return html`<div class="view-tools">
    <label title="Exponential moving average; the raw line stays faintly">Smoothing <input type="range" min="0" max="0.99" step="0.01" value=${weight} onInput=${(event) => setWeight(event.currentTarget.value)} /></label>
    <output class="number">${Number(weight).toFixed(2)}</output>
    ${group.range && html`<button class="mini" onClick=${() => group.setRange(null)}>Whole run</button>`}
    <span class="arm-key" role="group" aria-label="Arms">
      ${arms.map((arm) => {
        const { color, dash, width } = armStyle(card.arms, arm);
        return html`<button key=${arm} class="legend-line" aria-pressed=${!group.hidden.has(arm)} title=${`${arm}: click hides it everywhere, double click shows it alone`}
          onClick=${() => group.toggleArm(arm)} onDblClick=${() => group.isolateArm(arm, arms)}>
          <svg width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} /></svg>
          ${armTitle(card.arms, arm)}
        </button>`;
      })}
    </span>
  </div>`;
}

/** @param {import('../types.js').Panel[]} panels @returns {[string, import('../types.js').Panel[]][]} in the card's order */
function bySection(panels) {
  const names = [...new Set(panels.map((panel) => panel.section))];
  return names.map((name) => [name, panels.filter((panel) => panel.section === name)]);
}

/**
 * The panels that can have something to show. A run that has ended records nothing more, and an experiment of several kinds has panels for
 * each of them; until the frames are read, theirs stay, so that nothing jumps.
 * @param {import('../types.js').Card} card @param {import('./run_data.js').RunData} data @param {import('../types.js').Run} run
 */
function panelsOf(card, data, run) {
  if (!TERMINAL.has(run.status) && run.config.kind === undefined) return card.panels;
  const recorded = new Set([...data.series.values()].map((series) => series.name));
  return card.panels.filter((panel) =>
    panel.kind === 'frame' ? !data.framesAreRead || data.frames.has(panel.frame ?? '') : (panel.metrics ?? []).some((name) => recorded.has(name)),
  );
}

/** @param {{data: import('./run_data.js').RunData, card: import('../types.js').Card | null}} props */
export function RunView({ data, card: given }) {
  useRunTopics(data, 'run', 'series', 'frames', 'live');
  const group = useMemo(() => new ChartGroup(), [data]);
  const cache = useMemo(() => new FrameCache(data.source.base, data.source.anonymous), [data]);
  const card = useCardOrBare(given, data);
  const run = data.run;
  useEffect(() => {
    const step = new URLSearchParams(location.search).get('step');
    if (step !== null && /^\d+$/.test(step)) group.setStep(Number(step));
  }, [group]);
  useEffect(() => group.setTotal(run?.progress.total ?? null), [group, run?.progress.total]);
  if (!run) return null;

  const planned = new Set(card.panels.flatMap((panel) => panel.metrics ?? []));
  const unplanned = [...new Set([...data.series.values()].map((series) => series.name))].filter((name) => !planned.has(name)).sort();
  const others = unplanned.filter((name) => !isClockName(name)).map(panelFor);
  const clocks = unplanned.filter(isClockName).map(panelFor);
  const draw = (panel) =>
    panel.kind === 'frame'
      ? html`<${FramePanel} key=${panel.id} card=${card} panel=${panel} data=${data} group=${group} cache=${cache} />`
      : html`<${SeriesPanel} key=${panel.id} card=${card} panel=${panel} data=${data} group=${group} />`;

  return html`<div class=${data.live.state === 'stale' ? 'run-view is-stale' : 'run-view'}>
    <${Claims} card=${card} run=${run} preset=${run.preset} source=${{ path: `${data.source.base}/evidence`, anonymous: data.source.anonymous }} />
    <${ViewTools} group=${group} data=${data} card=${card} />
    <div class="run-columns">
      <div class="run-main">
        ${bySection(panelsOf(card, data, run)).map(([name, panels]) => html`<section key=${name} class="panel-section"><h2>${name}</h2><div class="panels">${panels.map(draw)}</div></section>`)}
        ${others.length > 0 && html`<section class="panel-section"><h2>Also recorded</h2><div class="panels">${others.map(draw)}</div></section>`}
        <section class="panel-section"><h2>Results</h2><${Results} card=${card} run=${run} /></section>
        ${clocks.length > 0 && html`<section class="panel-section"><h2>System</h2><div class="panels">${clocks.map(draw)}</div></section>`}
      </div>
      <aside class="run-side" aria-label="About this run">
        <${ConfigTable} card=${card} run=${run} />
        <${LogPanel} data=${data} />
        <${Artifacts} source=${data.source} status=${run.status} />
        <${About} run=${run} card=${card} isShared=${data.source.anonymous} />
      </aside>
    </div>
    <${StepSlider} data=${data} group=${group} />
  </div>`;
}

/** @param {{run: import('../types.js').Run, card: import('../types.js').Card, isShared: boolean}} props */
function About({ run, card, isShared }) {
  const worker = typeof run.worker === 'string' ? run.worker : run.worker?.name;
  /** @type {[string, any][]} */
  const rows = [
    ['id', run.id],
    ['project', run.project],
    ['by', run.created_by],
    ['device', run.device],
    ['worker', worker],
    ['attempt', run.attempt],
    ['version', run.engram_version],
    ['tags', run.tags?.join(', ')],
    ['note', run.note],
  ];
  return html`<details class="side">
    <summary>About</summary>
    <table class="data keys"><tbody>
      ${rows.filter(([, value]) => value !== null && value !== undefined && value !== '').map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td class="number">${value}</td></tr>`)}
      ${run.sweep_id && !isShared && html`<tr><th scope="row">sweep</th><td><a href=${`/sweeps/${run.sweep_id}`} title=${run.sweep_id}>sweep ${shortId(run.sweep_id)}</a></td></tr>`}
      ${run.parent_id && html`<tr><th scope="row">parent</th><td><a href=${`/runs/${run.parent_id}`} title=${run.parent_id}>run ${shortId(run.parent_id)}</a></td></tr>`}
      ${card.paper && html`<tr><th scope="row">paper</th><td><a href=${card.paper.url} rel="noreferrer">${card.paper.title}</a>, ${card.paper.year}</td></tr>`}
    </tbody></table>
  </details>`;
}
