/** The runs' own values as dots over the interval of their mean, on a number line with the rule and zero marked. */
import { styleAt } from '../arms.js';
import { linearRange, linearTicks } from '../charts/ranges.js';
import { formatTick, toNumber } from '../format.js';
import { html } from '../html.js';
import { isDifference, ruleText, unitOf, valueText } from './claim_text.js';

/** Height of the whole. */
export const LINE_HEIGHT = 116;
const [LEFT, RIGHT, TOP, DOTS, MEAN, BOOTSTRAP, AXIS] = [68, 16, 16, 36, 60, 74, 90];
/** Dots closer than this are drawn above each other. */
const DOT = 5;

/** @typedef {{ink: string, axis: string, grid: string, faint: string}} Inks */

/** Heights of dots above their row, so that none hides another. @param {number[]} places ascending */
function stacked(places) {
  /** @type {number[]} last place of every level */
  const levels = [];
  return places.map((place) => {
    const free = levels.findIndex((last) => place - last >= DOT * 1.6);
    const level = free >= 0 ? free : levels.length < 4 ? levels.length : 0;
    levels[level] = place;
    return level;
  });
}

/** The part of the line that keeps the rule; open ends are infinite. @param {import('../types.js').Expect} expect @returns {[number, number]} */
function keptPart({ op, value, tolerance = 0 }) {
  if (op === 'within') return [value - tolerance, value + tolerance];
  return op === '>' || op === '>=' ? [value, Infinity] : [-Infinity, value];
}

/**
 * @param {{card: import('../types.js').Card, claim: import('../types.js').Claim, evidence: import('../types.js').ClaimEvidence,
 *   width: number, ink: Inks, color?: string}} props drawn as a group, to stand in a picture of its own or in a larger one
 */
export function NumberLine({ card, claim, evidence, width, ink, color = styleAt(0).color }) {
  const { factor, isComparable } = unitOf(card, claim);
  const show = valueText(card, claim);
  const points = evidence.points
    .map(({ seed, value }) => ({ seed, exact: value, at: factor * toNumber(value) }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  const scaled = (interval) => (interval ? [factor * interval.low, factor * interval.high] : []);
  const [interval, resampled] = [scaled(evidence.interval), scaled(evidence.bootstrap)];
  const kept = keptPart(claim.expect).map((end) => factor * end);
  const edges = kept.filter(Number.isFinite);
  const zero = isDifference(claim.measure) && !edges.includes(0) ? [0] : [];
  const paper = claim.reported && isComparable ? [claim.reported.value] : [];
  const all = [...points.map(({ at }) => at), ...interval, ...resampled, ...edges, ...zero, ...paper];
  const range = linearRange(Math.min(...all), Math.max(...all), null);
  const x = (value) => LEFT + ((Math.min(range[1], Math.max(range[0], value)) - range[0]) / (range[1] - range[0])) * (width - LEFT - RIGHT);
  const heights = stacked(points.map(({ at }) => x(at)));
  const mean = factor * toNumber(evidence.value);
  const text = (at, y, label, anchor = 'middle', fill = ink.axis) => html`<text x=${at} y=${y} text-anchor=${anchor} fill=${fill} font-size="11">${label}</text>`;
  const bar = (ends, y, thick) => html`<g stroke=${ink.ink} stroke-width=${thick}>
    <line x1=${x(ends[0])} x2=${x(ends[1])} y1=${y} y2=${y} />
    <line x1=${x(ends[0])} x2=${x(ends[0])} y1=${y - 4} y2=${y + 4} /><line x1=${x(ends[1])} x2=${x(ends[1])} y1=${y - 4} y2=${y + 4} />
  </g>`;
  const ruleAt = edges.length > 0 ? x(edges[0]) : LEFT;
  // A label near an end of the line stands on its inner side.
  const anchor = (at) => (at < LEFT + 60 ? 'start' : at > width - 70 ? 'end' : 'middle');
  const near = paper.length > 0 && Math.abs(x(paper[0]) - ruleAt) < 110;

  return html`<g font-family="system-ui, sans-serif">
    <rect x=${x(kept[0])} y=${TOP + 4} width=${Math.max(0, x(kept[1]) - x(kept[0]))} height=${AXIS - TOP - 4} fill=${ink.grid} opacity="0.5" />
    <line x1=${LEFT} x2=${width - RIGHT} y1=${AXIS} y2=${AXIS} stroke=${ink.axis} />
    ${linearTicks(range, Math.max(2, Math.floor((width - LEFT - RIGHT) / 80))).map((tick) => html`<g key=${tick}><line x1=${x(tick)} x2=${x(tick)} y1=${AXIS} y2=${AXIS + 4} stroke=${ink.axis} />${text(x(tick), AXIS + 17, formatTick(tick))}</g>`)}
    ${zero.map((at) => html`<line key="zero" x1=${x(at)} x2=${x(at)} y1=${TOP + 4} y2=${AXIS} stroke=${ink.axis} stroke-width="1" />`)}
    ${edges.map((edge) => html`<line key=${edge} x1=${x(edge)} x2=${x(edge)} y1=${TOP + 4} y2=${AXIS} stroke=${ink.ink} stroke-width="1.5" stroke-dasharray="4 3" />`)}
    ${edges.length > 0 && text(ruleAt, TOP - 2, `rule ${factor === 100 ? ruleText({ ...claim.expect, value: 100 * claim.expect.value, tolerance: 100 * (claim.expect.tolerance ?? 0) }) : ruleText(claim.expect)}`, anchor(ruleAt), ink.ink)}
    ${paper.map((at) => html`<g key="paper"><path d=${`M${x(at)} ${DOTS - 6}l6 6l-6 6l-6 -6z`} fill="none" stroke=${ink.ink} stroke-width="1.5"><title>${`the paper's figure: ${at}`}</title></path>
      ${text(x(at), near ? DOTS + 19 : TOP - 2, 'paper', anchor(x(at)), ink.ink)}</g>`)}
    ${text(LEFT - 8, DOTS + 4, 'runs', 'end')}
    ${points.map(({ seed, exact, at }, i) => html`<circle key=${seed} cx=${x(at)} cy=${DOTS - heights[i] * DOT} r="4" fill=${color} fill-opacity="0.75"><title>${`seed ${seed}: ${show(exact)} (${exact})`}</title></circle>`)}
    ${interval.length > 0 && html`${text(LEFT - 8, MEAN + 4, '95% t', 'end')}${bar(interval, MEAN, 2)}`}
    ${Number.isFinite(mean) && points.length > 1 && html`<circle cx=${x(mean)} cy=${MEAN} r="4.5" fill=${ink.ink}><title>${`mean ${show(evidence.value)}`}</title></circle>`}
    ${resampled.length > 0 && html`${text(LEFT - 8, BOOTSTRAP + 4, 'bootstrap', 'end')}${bar(resampled, BOOTSTRAP, 1)}`}
  </g>`;
}
