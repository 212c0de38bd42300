/** One panel of pictures: the frame at the slider's step, for one arm or for all side by side. */
import { armTitle, inCardOrder } from '../arms.js';
import { SavePicture } from '../charts/save_picture.js';
import { frameAt, frameBefore } from '../frames/frame_cache.js';
import { framesSvg, readImage } from '../frames/frame_picture.js';
import { FrameView } from '../frames/frame_view.js';
import { isWiring } from '../frames/wiring.js';
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
  const [view, setView] = useQuery(`view.${panel.id}`, 'matrix');
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
  const pictures = shown.map((arm) => {
    const list = byArm.get(arm) ?? [];
    const ref = frameAt(list, group.step);
    return { arm, ref, earlier: frameBefore(list, ref) };
  });
  const first = pictures[0]?.ref;
  const wiring = first?.kind === 'heatmap' && isWiring(panel.frame ?? '');
  // Connections can be seen in two ways; a graph has only the one.
  const views = wiring ? (view === 'both' ? [false, true] : [view === 'graph']) : [first?.kind === 'graph'];
  const picture = async () => {
    const parts = await Promise.all(pictures.flatMap(({ arm, ref, earlier }) =>
      views.map(async (asGraph) => {
        if (!ref) return null;
        const frame = ref.kind === 'image' ? await readImage(cache.url(ref), cache.anonymous) : await cache.load(ref);
        const caption = [arm === null ? '' : armTitle(card.arms, arm), `step ${ref.step}`].filter(Boolean).join(', ');
        return { ref, frame, earlier: asGraph && earlier ? await cache.load(earlier) : null, asGraph: asGraph && ref.kind !== 'image', caption };
      })));
    const drawn = parts.filter((part) => part !== null);
    return drawn.length > 0 ? framesSvg(panel.title, drawn, card.arms) : null;
  };
  const wide = pictures.length * views.length > 1;
  return html`<section class=${wide ? 'panel wide' : 'panel'} aria-label=${panel.title}>
    <header>
      <h3 title=${panel.title} dir="auto">${panel.title}</h3>
      ${wiring && html`<span class="tools"><select class="mini" aria-label=${`View of ${panel.title}`} value=${view} onChange=${(event) => setView(event.currentTarget.value)}>
        ${['matrix', 'graph', 'both'].map((one) => html`<option value=${one} selected=${one === view}>${one}</option>`)}
      </select></span>`}
    </header>
    <div class="frames" data-count=${pictures.length * views.length}>
      ${pictures.flatMap(({ arm, ref, earlier }) =>
        views.map((asGraph) => html`<figure key=${`${arm ?? ''}${asGraph}`}>
          <${FrameView} frameRef=${ref} cache=${cache} arms=${card.arms} height=${FRAME_HEIGHT} asGraph=${asGraph} earlierRef=${earlier} />
          ${all && html`<figcaption>${armTitle(card.arms, arm)}</figcaption>`}
        </figure>`),
      )}
    </div>
    <footer>
      <span class="quiet number">${first ? `step ${first.step}` : ''}</span>
      ${first && html`<${SavePicture} name=${`${card.id}-${panel.id}-${first.step}`} make=${picture} />`}
      ${arms.length > 1
        ? html`<select class="mini" aria-label=${`Arm of ${panel.title}`} value=${all ? '*' : (chosen ?? '')} onChange=${(event) => setWanted(event.currentTarget.value)}>
          ${arms.map((arm) => html`<option value=${arm ?? ''} selected=${!all && arm === chosen}>${armTitle(card.arms, arm)}</option>`)}
          <option value="*" selected=${all}>all side by side</option>
        </select>`
        : chosen !== null && html`<span class="quiet">${armTitle(card.arms, chosen)}</span>`}
    </footer>
  </section>`;
}
