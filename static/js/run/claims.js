/** The paper's claims as chips: verdict, value and the paper's figure; opened, what the verdict rests on. */
import { get } from '../api.js';
import { ClaimCard } from '../claims/claim_card.js';
import { reportedText, valueText } from '../claims/claim_text.js';
import { formatExact } from '../format.js';
import { html, useEffect, useState } from '../html.js';
import { estimateTitle, halfWidth } from '../sweep/estimates.js';
import { TERMINAL } from './run_data.js';

export const SIGNS = { holds: '✓', fails: '✕', undecided: '○' };

/** Mean ± half-width of a measure over seeds. @param {import('../types.js').Estimate} estimate @param {(value: any) => string} show */
function meanText(estimate, show) {
  const half = halfWidth(estimate);
  return `${show(estimate.mean)}${half === null ? '' : ` ± ${show(half).replace('+', '')}`} (n ${estimate.n})`;
}

/**
 * What all claims rest on, asked for when the first of them is opened, and again whenever `version` changes.
 * @param {string} path @param {boolean} anonymous @param {string} version @param {boolean} wanted
 * @returns {{evidence: import('../types.js').ClaimEvidence[] | null, fault: string}}
 */
function useEvidence(path, anonymous, version, wanted) {
  const [answer, setAnswer] = useState({ path: '', evidence: /** @type {import('../types.js').ClaimEvidence[] | null} */ (null), fault: '' });
  useEffect(() => {
    if (!wanted || !path) return undefined;
    const abort = new AbortController();
    get(path, { signal: abort.signal, anonymous }).then(
      ({ claims }) => setAnswer({ path, evidence: claims, fault: '' }),
      (problem) => !abort.signal.aborted && setAnswer((old) => ({ ...old, path, fault: problem.message })),
    );
    return () => abort.abort();
  }, [path, version, wanted]);
  return answer.path === path ? answer : { evidence: null, fault: '' };
}

/**
 * @param {{card: import('../types.js').Card, run: {status?: any, claims?: import('../types.js').Verdict[], summary?: Record<string, any>},
 *   estimates?: Record<string, import('../types.js').Estimate>, source?: {path: string, anonymous: boolean}, preset?: string | null}} props
 *   of one run, or with `estimates` of the runs of a cell; `source` is the address of what the claims rest on
 */
export function Claims({ card, run, estimates, source, preset }) {
  const [opened, setOpened] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  // Of a cell the counts of its runs, of a run its state: when it changes, another run may have ended.
  const version = JSON.stringify(run.status ?? '');
  const { evidence, fault } = useEvidence(source?.path ?? '', source?.anonymous ?? false, version, opened.size > 0);
  if (card.claims.length === 0) return null;
  const toggle = (id, open) => {
    const next = new Set(opened);
    if (open) next.add(id);
    else next.delete(id);
    setOpened(next);
  };
  return html`<section class="claims" aria-label=${estimates ? 'Claims of the paper over seeds' : 'Claims of the paper'}>
    ${card.claims.map((claim) => {
      const verdict = run.claims?.find((known) => known.id === claim.id);
      const state = verdict?.verdict ?? 'undecided';
      const estimate = estimates?.[claim.measure];
      const value = estimates ? (estimate?.mean ?? null) : (verdict?.value ?? run.summary?.[claim.measure] ?? null);
      const title = value === null ? '' : estimate ? estimateTitle(claim.measure, estimate) : formatExact(value);
      const show = valueText(card, claim);
      const paper = reportedText(claim);
      const none = run.status && TERMINAL.has(run.status) ? 'not measured by this run' : 'no value yet';
      return html`<details class="claim" data-verdict=${state} key=${claim.id} onToggle=${(event) => toggle(claim.id, event.currentTarget.open)}>
        <summary>
          <span class="sign" aria-hidden="true">${SIGNS[state]}</span>
          <span class="statement">${claim.statement}</span>
          <span class="verdict"
            ><b>${state}</b>
            <span class="number" title=${title}>${value === null ? none : estimate ? meanText(estimate, show) : show(value)}</span>
            ${paper && html`<span class="quiet">paper: ${paper}</span>`}
          </span>
        </summary>
        ${opened.has(claim.id) && html`<${ClaimCard} card=${card} claim=${claim} evidence=${evidence?.find((known) => known.id === claim.id) ?? null} preset=${preset ?? ''} fault=${fault} />`}
      </details>`;
    })}
  </section>`;
}
