/** The paper's claims as chips: verdict, value, the paper's figure and why. */
import { formatExact, formatSigned, formatValue, toNumber } from '../format.js';
import { estimateTitle, halfWidth } from '../sweep/estimates.js';
import { html } from '../html.js';
import { splitSummary } from './results.js';
import { TERMINAL } from './run_data.js';

export const SIGNS = { holds: '✓', fails: '✕', undecided: '○' };

/** @param {import('../types.js').Expect} expect */
function ruleText({ op, value, tolerance }) {
  if (op === 'within') return `within ${formatValue(tolerance)} of ${formatValue(value)}`;
  return `${{ '>': '>', '>=': '≥', '<': '<', '<=': '≤' }[op]} ${formatValue(value)}`;
}

/** A paired difference `METRIC.ARM-ARM`, shown with its sign. @param {string} measure */
const isDifference = (measure) => /\.[^.]*-[^.]*$/.test(measure);

/**
 * How a claim's value is shown: in the unit of the paper's figure, where that is a percentage and ours a fraction.
 * @param {import('../types.js').Card} card @param {import('../types.js').Claim} claim @returns {(value: any) => string}
 */
function valueText(card, claim) {
  const show = isDifference(claim.measure) ? formatSigned : formatValue;
  const unit = card.metrics.find((metric) => metric.name === splitSummary(claim.measure).metric)?.unit ?? '';
  const reported = claim.reported?.unit ?? '';
  if (unit !== '' || (reported !== '%' && reported !== 'percentage points')) return (value) => show(value, claim.measure);
  return (value) => {
    const percent = 100 * toNumber(value);
    if (!Number.isFinite(percent)) return show(value);
    const sign = isDifference(claim.measure) && percent > 0 ? '+' : '';
    return `${sign}${percent.toFixed(2).replace('-', '−')}`;
  };
}

/** The paper's figure with the digits that the paper gives. @param {import('../types.js').Claim} claim */
function reportedText({ measure, reported }) {
  if (!reported) return '';
  const sign = isDifference(measure) && reported.value > 0 ? '+' : '';
  return `${sign}${String(reported.value).replace('-', '−')} ${reported.unit}`;
}

/** Mean ± half-width of a measure over seeds. @param {import('../types.js').Estimate} estimate @param {(value: any) => string} show */
function meanText(estimate, show) {
  const half = halfWidth(estimate);
  return `${show(estimate.mean)}${half === null ? '' : ` ± ${show(half).replace('+', '')}`} (n ${estimate.n})`;
}

/**
 * @param {{card: import('../types.js').Card, run: {status?: string, claims?: import('../types.js').Verdict[], summary?: Record<string, any>},
 *   estimates?: Record<string, import('../types.js').Estimate>}} props of one run, or with `estimates` of the runs of a cell
 */
export function Claims({ card, run, estimates }) {
  if (card.claims.length === 0) return null;
  return html`<section class="claims" aria-label="Claims of the paper">
    ${card.claims.map((claim) => {
      const verdict = run.claims?.find((known) => known.id === claim.id);
      const state = verdict?.verdict ?? 'undecided';
      const estimate = estimates?.[claim.measure];
      const value = estimates ? (estimate?.mean ?? null) : (verdict?.value ?? run.summary?.[claim.measure] ?? null);
      const title = value === null ? '' : estimate ? estimateTitle(claim.measure, estimate) : formatExact(value);
      const show = valueText(card, claim);
      const { reported } = claim;
      const none = run.status && TERMINAL.has(run.status) ? 'not measured by this run' : 'no value yet';
      return html`<details class="claim" data-verdict=${state} key=${claim.id}>
        <summary>
          <span class="sign" aria-hidden="true">${SIGNS[state]}</span>
          <span class="statement">${claim.statement}</span>
          <span class="verdict"
            ><b>${state}</b>
            <span class="number" title=${title}>${value === null ? none : estimate ? meanText(estimate, show) : show(value)}</span>
            ${reported && html`<span class="quiet">paper ${reportedText(claim)}</span>`}
          </span>
        </summary>
        ${claim.why && html`<p>${claim.why}</p>`}
        ${verdict?.detail && html`<p>${verdict.detail}</p>`}
        <p class="quiet">
          Rule, fixed before any run: <code>${claim.measure}</code> ${ruleText(claim.expect)}, judged
          ${claim.needs_seeds > 1 ? ` over at least ${claim.needs_seeds} seeds by the 95% t-interval; one run alone stays undecided` : ' from one run'}.
          ${reported && ` Paper: ${reported.source}.`}
        </p>
      </details>`;
    })}
  </section>`;
}
