/** One panel of pictures: the frame at the slider's step, for one arm or for all side by side. */
import { armTitle, inCardOrder } from '../arms.js';
import { frameAt } from '../frames/frame_cache.js';
import { FrameView } from '../frames/frame_view.js';
import { html } from '../html.js';
import { useQuery } from '../router.js';
import { useGroupTopics, useRunTopics } from './watch.js';

export const FRAME_HEIGHT = 260;

/**
 * @param {{card: import('../types.js').Card, panel: import('../types.js').Panel, data: import('./run_data.js').RunData,
 *   group: import('../charts/group.js').ChartGroup, cache: import('../frames/frame_cache.js').FrameCache}} props
 */
export function FramePanel({ card, panel, data, group, cache }) {
  useRunTopics(data, 'frames');
  useGroupTopics(group, 'step');
  const [wanted, setWanted] = useQuery(`arm.${panel.id}`);
  const byArm = data.frames.get(panel.frame ?? '') ?? new Map();
  const arms = inCardOrder(card.arms, byArm.keys()).filter((arm) => arm === null || !panel.arms?.length || panel.arms.includes(arm));
  const isBaseline = (arm) => card.arms.find((known) => known.id === arm)?.baseline ?? false;
  // Of the systems that are no baseline, the one with most pictures: its picture moves.
  const candidates = arms.filter((arm) => arm !== null && !isBaseline(arm));
  const count = (arm) => byArm.get(arm)?.length ?? 0;
  const usual = candidates.reduce((best, arm) => (best === null || count(arm) > count(best) ? arm : best), /** @type {string | null} */ (null)) ?? arms[0] ?? null;
  const all = wanted === '*' && arms.length > 1;
  const chosen = arms.find((arm) => arm === wanted) ?? usual;
  const shown = all ? arms : [chosen];
  const refs = shown.map((arm) => frameAt(byArm.get(arm) ?? [], group.step));
  const step = refs[0]?.step;
  return html`<section class=${all ? 'panel wide' : 'panel'} aria-label=${panel.title}>
    <header><h3 title=${panel.title} dir="auto">${panel.title}</h3></header>
    <div class="frames" data-count=${shown.length}>
      ${shown.map(
        (arm, index) => html`<figure key=${arm ?? ''}>
          <${FrameView} frameRef=${refs[index]} cache=${cache} arms=${card.arms} height=${FRAME_HEIGHT} />
          ${all && html`<figcaption>${armTitle(card.arms, arm)}</figcaption>`}
        </figure>`,
      )}
    </div>
    <footer>
      <span class="quiet number">${step === undefined ? '' : `step ${step}`}</span>
      ${arms.length > 1
        ? html`<select class="mini" aria-label=${`Arm of ${panel.title}`} value=${all ? '*' : (chosen ?? '')} onChange=${(event) => setWanted(event.currentTarget.value)}>
          ${arms.map((arm) => html`<option value=${arm ?? ''} selected=${!all && arm === chosen}>${armTitle(card.arms, arm)}</option>`)}
          <option value="*" selected=${all}>all side by side</option>
        </select>`
        : chosen !== null && html`<span class="quiet">${armTitle(card.arms, chosen)}</span>`}
    </footer>
  </section>`;
}
