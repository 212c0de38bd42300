/** A claim card as a picture of its own, to be put into a paper or a talk. */
import { html, render } from '../html.js';
import { ON_LIGHT } from '../palette.js';
import { intervalText, isDifference, ruleText, seedsText, sideText, sourcedText, unitOf, valueText } from './claim_text.js';
import { LINE_HEIGHT, NumberLine } from './number_line.js';

const [WIDTH, MARGIN, LINE] = [720, 24, 18];
/** Characters of the widest line at 13 pixels. */
const MOST_CHARACTERS = 96;
/** A picture is drawn for paper, whatever the theme of the page. */
const INK = { ink: '#1a1d21', axis: '#4a515b', grid: '#e3e4e6', faint: '#656c77' };
const DOT = ON_LIGHT[0];

/** @param {string} text @param {number} most @returns {string[]} */
function wrapped(text, most) {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines.length - 1;
    if (lines[last] === '') lines[last] = word;
    else if (lines[last].length + 1 + word.length <= most) lines[last] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/**
 * @param {import('../types.js').Card} card @param {import('../types.js').Claim} claim @param {import('../types.js').ClaimEvidence} evidence
 * @param {string} preset @returns {string} the text of an SVG file
 */
export function claimSvg(card, claim, evidence, preset) {
  const show = valueText(card, claim);
  const { unit } = unitOf(card, claim);
  const n = evidence.points.length;
  const statement = wrapped(claim.statement, MOST_CHARACTERS - 10);
  const side = isDifference(claim.measure) ? 'Probability of improvement' : 'Runs that keep the rule';
  const facts = [
    evidence.value !== null && `Ours ${show(evidence.value)} ${unit}`.trim() + (evidence.interval ? `, 95% t-interval ${intervalText(evidence.interval, show)}` : ''),
    evidence.bootstrap && `Bootstrap ${intervalText(evidence.bootstrap, show)}. n ${n}. ${side} ${sideText(claim, evidence)}. Seeds it takes: ${seedsText(claim, evidence)}.`,
    sourcedText(claim) && `Paper: ${sourcedText(claim)}.`,
    `Rule, fixed before any run: ${claim.measure} ${ruleText(claim.expect)}.`,
    claim.why,
    `${card.title}, ${preset}.`,
  ];
  const below = facts.flatMap((fact) => (fact ? wrapped(fact, MOST_CHARACTERS) : []));
  const lineTop = MARGIN + statement.length * 20 + 24;
  const textTop = lineTop + LINE_HEIGHT + 16;
  const height = textTop + below.length * LINE + MARGIN - 8;
  const root = document.createElement('div');
  render(
    html`<svg xmlns="http://www.w3.org/2000/svg" width=${WIDTH} height=${height} viewBox=${`0 0 ${WIDTH} ${height}`} font-family="system-ui, sans-serif" role="img">
      <title>${`${claim.statement} ${evidence.verdict}`}</title>
      <rect width=${WIDTH} height=${height} fill="#ffffff" />
      ${statement.map((text, i) => html`<text key=${i} x=${MARGIN} y=${MARGIN + 14 + i * 20} font-size="15" font-weight="600" fill=${INK.ink}>${text}</text>`)}
      <text x=${MARGIN} y=${lineTop - 6} font-size="13" fill=${INK.ink}>${evidence.verdict}</text>
      <g transform=${`translate(${MARGIN} ${lineTop + 8})`}><${NumberLine} card=${card} claim=${claim} evidence=${evidence} width=${WIDTH - 2 * MARGIN} ink=${INK} color=${DOT} /></g>
      ${below.map((text, i) => html`<text key=${`b${i}`} x=${MARGIN} y=${textTop + 10 + i * LINE} font-size="13" fill=${INK.axis}>${text}</text>`)}
    </svg>`,
    root,
  );
  const svg = root.firstElementChild;
  const text = svg ? new XMLSerializer().serializeToString(svg) : '';
  render(null, root);
  return text;
}
