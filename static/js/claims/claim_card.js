/** What a claim's verdict rests on: the number line of the runs, the numbers, the rule, why, and the card as a picture or a line. */
import { CopyButton } from '../clipboard.js';
import { saveText } from '../download.js';
import { html } from '../html.js';
import { inks, useDark } from '../theme.js';
import { useWidth } from '../width.js';
import { claimSvg } from './claim_picture.js';
import { intervalText, isDifference, markdownLine, ruleText, seedsText, sideText, sourcedText, unitOf, valueText } from './claim_text.js';
import { LINE_HEIGHT, NumberLine } from './number_line.js';

/**
 * @param {{card: import('../types.js').Card, claim: import('../types.js').Claim, evidence: import('../types.js').ClaimEvidence | null,
 *   preset: string, fault: string}} props `evidence` is `null` until it is read
 */
export function ClaimCard({ card, claim, evidence, preset, fault }) {
  useDark();
  const [root, width] = useWidth();
  const show = valueText(card, claim);
  const { unit } = unitOf(card, claim);
  const n = evidence?.points.length ?? 0;
  const withUnit = (text) => (unit && text ? `${text} ${unit}` : text);
  /** @type {[string, string][]} */
  const facts = evidence
    ? [
        ['Ours', evidence.value === null ? 'not measured yet' : withUnit(show(evidence.value))],
        ['95% t-interval', withUnit(intervalText(evidence.interval, show)) || (n === 1 ? 'one run has none' : 'none')],
        ['Bootstrap, 95%', withUnit(intervalText(evidence.bootstrap, show)) || (n === 1 ? 'one run has none' : 'none')],
        ['Paper', sourcedText(claim) || 'no figure'],
        ['Runs (n)', String(n)],
        [isDifference(claim.measure) ? 'Probability of improvement' : 'Runs that keep the rule', sideText(claim, evidence) || '–'],
        ['Seeds it would take', seedsText(claim, evidence)],
      ]
    : [];
  return html`<div class="claim-card">
    <div class="number-line" ref=${root} style=${{ minHeight: `${LINE_HEIGHT}px` }}>
      ${evidence && n > 0 && width > 0 && html`<svg width=${width} height=${LINE_HEIGHT} role="img" aria-label=${`${n} runs on a number line; ${evidence.detail}`}>
        <${NumberLine} card=${card} claim=${claim} evidence=${evidence} width=${width} ink=${inks()} /></svg>`}
      ${evidence && n === 0 && html`<p class="quiet">No run with this config has ended yet. Each one that does is a dot here.</p>`}
      ${!evidence && html`<p class=${fault ? 'fault' : 'quiet'}>${fault || 'Reading the runs …'}</p>`}
    </div>
    ${evidence && html`<dl class="claim-facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd class="number">${value}</dd></div>`)}</dl>`}
    ${claim.why && html`<p>${claim.why}</p>`}
    <p class="quiet">
      Rule, fixed before any run: <code>${claim.measure}</code> ${ruleText(claim.expect)}, judged
      ${claim.needs_seeds > 1 ? ` over at least ${claim.needs_seeds} seeds by the 95% t-interval` : ' from one run'}.
    </p>
    ${evidence?.detail && html`<p class="quiet">${evidence.detail}.</p>`}
    ${evidence &&
    html`<p class="actions">
      <button type="button" class="mini" onClick=${() => saveText(`${card.id}-${claim.id}.svg`, claimSvg(card, claim, evidence, preset), 'image/svg+xml')}>Save as SVG</button>
      <${CopyButton} label="Copy as Markdown" text=${markdownLine(card, claim, evidence, preset)} />
    </p>`}
  </div>`;
}
