/** A claim in words and numbers: its rule, the paper's figure, ours in the same unit, and the whole as one line of Markdown. */
import { formatSigned, formatValue, significant, toNumber } from '../format.js';
import { splitSummary } from '../run/results.js';

/** @typedef {import('../types.js').ClaimEvidence} Evidence */

/** @param {import('../types.js').Expect} expect */
export function ruleText({ op, value, tolerance }) {
  if (op === 'within') return `within ${formatValue(tolerance)} of ${formatValue(value)}`;
  return `${{ '>': '>', '>=': '≥', '<': '<', '<=': '≤' }[op]} ${formatValue(value)}`;
}

/** A paired difference `METRIC.ARM-ARM`, shown with its sign. @param {string} measure */
export const isDifference = (measure) => /\.[^.]*-[^.]*$/.test(measure);

/**
 * The unit in which a claim is shown, and what our numbers are multiplied by for it: the unit of the paper's figure, where that is a
 * percentage and ours a fraction.
 * @param {import('../types.js').Card} card @param {import('../types.js').Claim} claim
 */
export function unitOf(card, claim) {
  const unit = card.metrics.find((metric) => metric.name === splitSummary(claim.measure).metric)?.unit ?? '';
  const reported = claim.reported?.unit ?? '';
  const isPercent = unit === '' && (reported === '%' || reported === 'percentage points');
  return { factor: isPercent ? 100 : 1, unit: isPercent ? reported : unit, isPercent, isComparable: isPercent || reported === unit };
}

/** How a claim's value is shown. @param {import('../types.js').Card} card @param {import('../types.js').Claim} claim @returns {(value: any) => string} */
export function valueText(card, claim) {
  const show = isDifference(claim.measure) ? formatSigned : formatValue;
  const { isPercent } = unitOf(card, claim);
  if (!isPercent) return (value) => show(value, claim.measure);
  return (value) => {
    const percent = 100 * toNumber(value);
    if (!Number.isFinite(percent)) return show(value);
    const sign = isDifference(claim.measure) && percent > 0 ? '+' : '';
    return `${sign}${percent.toFixed(2).replace('-', '−')}`;
  };
}

/** The paper's figure with the digits that the paper gives, or its words. @param {import('../types.js').Claim} claim */
export function reportedText({ measure, reported, reported_words: said }) {
  if (!reported) return said?.words ?? '';
  const sign = isDifference(measure) && reported.value > 0 ? '+' : '';
  return `${sign}${String(reported.value).replace('-', '−')} ${reported.unit}`.trim();
}

/** The same with where it stands; empty where the paper says nothing. @param {import('../types.js').Claim} claim */
export function sourcedText(claim) {
  const source = (claim.reported ?? claim.reported_words)?.source;
  return source ? `${reportedText(claim)} (${source})` : '';
}

/** @param {{low: number, high: number} | null} interval @param {(value: any) => string} show */
export const intervalText = (interval, show) => (interval ? `${show(interval.low)} to ${show(interval.high)}` : '');

/** How many runs keep the rule: of a difference the probability of improvement. @param {import('../types.js').Claim} claim @param {Evidence} evidence */
export function sideText(claim, { on_its_side: kept, points }) {
  const n = points.length;
  if (n === 0) return '';
  const counted = `${kept} of ${n}`;
  return isDifference(claim.measure) ? `${significant(kept / n, 2)} (${counted})` : counted;
}

/** What a verdict would take, in a sentence. @param {import('../types.js').Claim} claim @param {Evidence} evidence */
export function seedsText({ needs_seeds: needed }, { verdict, points, seeds_needed: seeds }) {
  const n = points.length;
  if (n === 0) return `${needed} ${needed === 1 ? 'run' : 'seeds'}`;
  if (verdict !== 'undecided') return seeds !== null && seeds < n ? `decided; ${seeds} would have done` : 'decided';
  if (n < 2) return needed > 1 ? `at least ${needed}; the spread shows from two on` : 'cannot be told from one run';
  if (seeds === null) return 'out of reach: the mean lies on the edge of the rule, or more than a million';
  return `about ${seeds}, if mean and spread stay as they are`;
}

/**
 * The claim as one line of Markdown.
 * @param {import('../types.js').Card} card @param {import('../types.js').Claim} claim @param {Evidence} evidence @param {string} preset
 */
export function markdownLine(card, claim, evidence, preset) {
  const show = valueText(card, claim);
  const { unit } = unitOf(card, claim);
  const plain = (text) => text.replace(/[|*_`[\]\\]/g, '\\$&');
  const n = evidence.points.length;
  const numbers = [
    evidence.interval && `95% t-interval ${intervalText(evidence.interval, show)}`,
    evidence.bootstrap && `bootstrap ${intervalText(evidence.bootstrap, show)}`,
    `n = ${n}`,
    n > 0 && `${evidence.on_its_side} of ${n} on the claimed side`,
  ].filter(Boolean);
  const ours = evidence.value === null ? 'not measured' : `${show(evidence.value)}${unit ? ` ${unit}` : ''} (${numbers.join('; ')})`;
  const paper = sourcedText(claim) && `; paper: ${plain(sourcedText(claim))}`;
  return `**${evidence.verdict}**: ${plain(claim.statement)} ${plain(card.title)}, ${plain(preset)}: ${ours}; rule: \`${claim.measure}\` ${ruleText(claim.expect)}${paper}.`;
}
