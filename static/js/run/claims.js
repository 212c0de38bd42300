/** The paper's claims as chips: verdict, value, the paper's figure and why. */
import { formatExact, formatSigned, formatValue } from '../format.js';
import { html } from '../html.js';

const SIGNS = { holds: '✓', fails: '✕', undecided: '○' };

/** @param {import('../types.js').Expect} expect */
function ruleText({ op, value, tolerance }) {
  if (op === 'within') return `within ${formatValue(tolerance)} of ${formatValue(value)}`;
  return `${{ '>': '>', '>=': '≥', '<': '<', '<=': '≤' }[op]} ${formatValue(value)}`;
}

/** A paired difference `METRIC.ARM-ARM`, shown with its sign. @param {string} measure */
const isDifference = (measure) => /\.[^.]*-[^.]*$/.test(measure);

/** @param {{card: import('../types.js').Card, run: import('../types.js').Run}} props */
export function Claims({ card, run }) {
  if (card.claims.length === 0) return null;
  return html`<section class="claims" aria-label="Claims of the paper">
    ${card.claims.map((claim) => {
      const verdict = run.claims?.find((known) => known.id === claim.id);
      const state = verdict?.verdict ?? 'undecided';
      const value = verdict?.value ?? run.summary?.[claim.measure] ?? null;
      const show = isDifference(claim.measure) ? formatSigned : formatValue;
      const { reported } = claim;
      return html`<details class="claim" data-verdict=${state} key=${claim.id}>
        <summary>
          <span class="sign" aria-hidden="true">${SIGNS[state]}</span>
          <span class="statement">${claim.statement}</span>
          <span class="verdict"
            ><b>${state}</b>
            <span class="number" title=${value === null ? '' : formatExact(value)}>${value === null ? 'no value yet' : show(value, claim.measure)}</span>
            ${reported && html`<span class="quiet">paper ${isDifference(claim.measure) && reported.value > 0 ? '+' : ''}${reported.value} ${reported.unit}</span>`}
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
