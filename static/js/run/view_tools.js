/** The row above the charts, for all of them together: horizontal axis, smoothing, zoom, and which arms are shown. */
import { armsOfRun, armStyle, armTitle, inCardOrder } from '../arms.js';
import { moveView } from '../charts/gestures.js';
import { metricAxis, STEP_AXIS, timeAxis } from '../charts/x_axis.js';
import { html } from '../html.js';
import { useDark } from '../theme.js';
import { TERMINAL } from './run_data.js';
import { useGroupTopics, useRunTopics } from './watch.js';

/** Metrics offered as an axis; nobody looks for one among more. */
const MOST_AXES = 60;
/** Arms that get a switch here. */
const MOST_SWITCHES = 24;

/**
 * The axis of a key: `step`, `time` or `metric:NAME`.
 * @param {string} key @param {import('./run_data.js').RunData} data @param {() => import('../types.js').Card | null} card
 * @returns {import('../charts/x_axis.js').XAxis | null} `null` for a key that names none
 */
export function axisOf(key, data, card) {
  if (key === 'step') return STEP_AXIS;
  if (key === 'time') return timeAxis(() => data.firstTime);
  if (!key.startsWith('metric:')) return null;
  const name = key.slice('metric:'.length);
  const title = () => card()?.metrics.find((metric) => metric.name === name)?.title ?? name;
  return metricAxis(name, title, (metric, arm) => data.findSeries(metric, arm));
}

/**
 * The arms of a run: those that have data, and until the first of them has two points those that it will have.
 * @param {import('../types.js').Card} card @param {import('./run_data.js').RunData} data @returns {string[]}
 */
function armsShown(card, data) {
  const recorded = [...data.series.values()].filter((series) => series.arm !== null);
  const waiting = !TERMINAL.has(data.run?.status ?? '') && !recorded.some((series) => series.steps.length > 1);
  const expected = waiting && card.arms.length > 0 ? armsOfRun(card, data.run?.config ?? {}) : [];
  return inCardOrder(card.arms, [...recorded.map((series) => series.arm), ...expected]).flatMap((arm) => (arm === null ? [] : [arm]));
}

/** @param {{group: import('../charts/group.js').ChartGroup, data: import('./run_data.js').RunData, card: import('../types.js').Card}} props */
export function ViewTools({ group, data, card }) {
  useDark();
  useRunTopics(data, 'series');
  useGroupTopics(group, 'range', 'arms', 'x', 'smoothing');
  const arms = armsShown(card, data);
  const metrics = [...data.seriesOf.keys()].sort().slice(0, MOST_AXES);
  const titleOf = (name) => card.metrics.find((metric) => metric.name === name)?.title ?? name;
  const move = (to, label, text) => html`<button class="mini" aria-label=${label} title=${label} disabled=${!group.range && to !== 'in'}
    onClick=${() => group.seen && moveView(group, to, group.seen)}>${text}</button>`;
  return html`<div class="view-tools">
    <label>x <select class="mini" aria-label="Horizontal axis" value=${group.x.key} onChange=${(event) => group.setX(axisOf(event.currentTarget.value, data, () => card) ?? STEP_AXIS)}>
      <option value="step" selected=${group.x.key === 'step'}>step</option>
      <option value="time" selected=${group.x.key === 'time'}>wall time</option>
      ${metrics.map((name) => html`<option key=${name} value=${`metric:${name}`} selected=${group.x.key === `metric:${name}`}>${titleOf(name)}</option>`)}
    </select></label>
    <label title="Exponential moving average; the raw line stays faintly">Smoothing <input type="range" min="0" max="0.99" step="0.01" value=${group.smoothing} onInput=${(event) => group.setSmoothing(Number(event.currentTarget.value))} /></label>
    <output class="number">${group.smoothing.toFixed(2)}</output>
    <span class="zoom-tools" role="group" aria-label="Part of the run shown">
      ${move('in', 'Zoom in', '+')}${move('out', 'Zoom out', '−')}${move('left', 'Earlier', '‹')}${move('right', 'Later', '›')}
      <button class="mini" disabled=${!group.range} onClick=${() => group.setRange(null)} title="Drag in a chart zooms, shift-drag moves, double click goes back">Whole run</button>
    </span>
    <span class="arm-key" role="group" aria-label="Arms">
      ${arms.slice(0, MOST_SWITCHES).map((arm) => {
        const { color, dash, width } = armStyle(card.arms, arm);
        return html`<button key=${arm} class="legend-line" aria-pressed=${!group.hidden.has(arm)} title=${`${arm}: click hides it everywhere, double click shows it alone`}
          onClick=${() => group.toggleArm(arm)} onDblClick=${() => group.isolateArm(arm, arms)}>
          <svg width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} /></svg>
          <span class="legend-name" dir="auto">${armTitle(card.arms, arm)}</span>
        </button>`;
      })}
      ${arms.length > MOST_SWITCHES && html`<span class="quiet">and ${arms.length - MOST_SWITCHES} more</span>`}
    </span>
  </div>`;
}
