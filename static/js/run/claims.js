/** The paper's claims as chips: verdict, value, the paper's figure and why. */
import { formatExact, formatSigned, formatValue, toNumber } from '../format.js';
import { html } from '../html.js';
import { splitSummary } from './results.js';

const SIGNS = { holds: '✓', fails: '✕', undecided: '○' };

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
    return Number.isFinite(percent) ? show(+percent.toFixed(2)) : show(value);
  };
}

/** The paper's figure with the digits that the paper gives. @param {import('../types.js').Claim} claim */
function reportedText({ measure, reported }) {
  if (!reported) return '';
  const sign = isDifference(measure) && reported.value > 0 ? '+' : '';
  return `${sign}${String(reported.value).replace('-', '−')} ${reported.unit}`;
}

/** @param {{card: import('../types.js').Card, run: import('../types.js').Run}} props */
export function Claims({ card, run }) {
  if (card.claims.length === 0) return null;
  return html`<section class="claims" aria-label="Claims of the paper">
    ${card.claims.map((claim) => {
      const verdict = run.claims?.find((known) => known.id === claim.id);
      const state = verdict?.verdict ?? 'undecided';
      const value = verdict?.value ?? run.summary?.[claim.measure] ?? null;
      const show = valueText(card, claim);
      const { reported } = claim;
      return html`<details class="claim" data-verdict=${state} key=${claim.id}>
        <summary>
          <span class="sign" aria-hidden="true">${SIGNS[state]}</span>
          <span class="statement">${claim.statement}</span>
          <span class="verdict"
            ><b>${state}</b>
            <span class="number" title=${value === null ? '' : formatExact(value)}>${value === null ? 'no value yet' : show(value)}</span>
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
