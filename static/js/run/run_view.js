/** The body of a run, the same on its own page and on a shared one: claims, panels, results, config, log, files, and the slider. */
import { ChartGroup } from '../charts/group.js';
import { shortId } from '../format.js';
import { FrameCache } from '../frames/frame_cache.js';
import { html, useEffect, useMemo, useRef } from '../html.js';
import { Artifacts } from './artifacts.js';
import { framePanelFor, isClockName, panelFor, useCardOrBare } from './bare_card.js';
import { Claims } from './claims.js';
import { ConfigTable } from './config_table.js';
import { ForkNote } from './fork_note.js';
import { FramePanel } from './frame_panel.js';
import { LogPanel } from './log_panel.js';
import { ManyPanels, SystemPanels } from './many_panels.js';
import { Results } from './results.js';
import { TERMINAL } from './run_data.js';
import { SeriesPanel } from './series_panel.js';
import { StepSlider } from './step_slider.js';
import { keepViewInAddress } from './view_address.js';
import { axisOf, ViewTools } from './view_tools.js';
import { useRunTopics } from './watch.js';

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
  return card.panels.filter((panel) =>
    panel.kind === 'frame' ? !data.framesAreRead || data.frames.has(panel.frame ?? '') : (panel.metrics ?? []).some((name) => data.seriesOf.has(name)),
  );
}

/** @param {{data: import('./run_data.js').RunData, card: import('../types.js').Card | null}} props */
export function RunView({ data, card: given }) {
  useRunTopics(data, 'run', 'series', 'frames', 'live');
  const group = useMemo(() => new ChartGroup(), [data]);
  const cache = useMemo(() => new FrameCache(data.source.base, data.source.anonymous), [data]);
  const card = useCardOrBare(given, data);
  const run = data.run;
  const latestCard = useRef(given);
  latestCard.current = given;
  useEffect(() => keepViewInAddress(group, (key) => axisOf(key, data, () => latestCard.current)), [group]);
  useEffect(() => group.setTotal(run?.progress.total ?? null), [group, run?.progress.total]);
  if (!run) return null;

  const planned = new Set(card.panels.flatMap((panel) => panel.metrics ?? []));
  const unplanned = [...data.seriesOf.keys()].filter((name) => !planned.has(name)).sort();
  const plannedFrames = new Set(card.panels.map((panel) => panel.frame));
  const frames = [...data.frames.keys()].filter((name) => !plannedFrames.has(name)).sort().map(framePanelFor);
  const others = [...frames, ...unplanned.filter((name) => !isClockName(name)).map(panelFor)];
  const clocks = unplanned.filter(isClockName).map(panelFor);
  const draw = (panel) =>
    panel.kind === 'frame'
      ? html`<${FramePanel} key=${panel.id} card=${card} panel=${panel} data=${data} group=${group} cache=${cache} />`
      : html`<${SeriesPanel} key=${panel.id} card=${card} panel=${panel} data=${data} group=${group} />`;

  return html`<div class=${data.live.state === 'stale' ? 'run-view is-stale' : 'run-view'}>
    <${Claims} card=${card} run=${run} preset=${run.preset} source=${{ path: `${data.source.base}/evidence`, anonymous: data.source.anonymous }} />
    <${ForkNote} data=${data} run=${run} />
    <${ViewTools} group=${group} data=${data} card=${card} />
    <div class="run-columns">
      <div class="run-main">
        ${bySection(panelsOf(card, data, run)).map(([name, panels]) => html`<section key=${name} class="panel-section"><h2>${name}</h2><div class="panels">${panels.map(draw)}</div></section>`)}
        ${others.length > 0 && html`<${ManyPanels} title="Also recorded" panels=${others} draw=${draw} />`}
        <section class="panel-section"><h2>Results</h2><${Results} card=${card} run=${run} /></section>
        ${clocks.length > 0 && html`<${SystemPanels} panels=${clocks} draw=${draw} />`}
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
