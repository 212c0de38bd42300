/** Draws nodes and weighted edges: at the places they name, else group by group around a circle. */
import { styleAt } from '../arms.js';
import { formatExact, toNumber } from '../format.js';
import { blueWhiteRed } from './colors.js';
import { edgeKey } from './wiring.js';

/** @typedef {import('./wiring.js').Graph} Graph */

/** Places in the palette of what has become more and of what has become less. */
const MORE = 2;
const LESS = 1;
/** Nodes that get their names; more would touch. */
const MOST_LABELS = 24;

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Graph} frame
 * @param {ReturnType<typeof import('../theme.js').inks>} ink @param {import('./wiring.js').Changes | null} [changes] since an earlier frame:
 *   then colours say what became of an edge, and edges that died are drawn dashed
 * @returns {(x: number, y: number) => string | null}
 */
export function drawGraph(context, width, height, frame, ink, changes = null) {
  const margin = 20;
  const ordered = [...frame.nodes].sort((a, b) => a.group - b.group || a.id - b.id);
  const groups = [...new Set(ordered.map((node) => node.group))];
  const radius = Math.min(width, height) / 2 - margin;
  /** @type {Map<number, {x: number, y: number}>} */
  const places = new Map();
  ordered.forEach((node, index) => {
    // Half a place between groups keeps them apart on the circle.
    const angle = ((index + groups.indexOf(node.group) * 0.5) / (ordered.length + groups.length * 0.5)) * 2 * Math.PI - Math.PI / 2;
    const fixed = node.x !== undefined && node.y !== undefined;
    places.set(node.id, {
      x: fixed ? margin + (node.x ?? 0) * (width - 2 * margin) : width / 2 + Math.cos(angle) * radius,
      y: fixed ? margin + (node.y ?? 0) * (height - 2 * margin) : height / 2 + Math.sin(angle) * radius,
    });
  });
  const heaviest = frame.edges.reduce((most, edge) => Math.max(most, Math.abs(toNumber(edge.weight)) || 0), 0) || 1;
  /** @param {{from: number, to: number, weight: any}} edge @param {string} color @param {number} alpha */
  const draw = (edge, color, alpha) => {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    const weight = Math.abs(toNumber(edge.weight)) / heaviest;
    if (!from || !to || !Number.isFinite(weight)) return;
    context.strokeStyle = color;
    context.globalAlpha = alpha;
    context.lineWidth = 0.5 + 2 * weight;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  };
  const colorOf = (edge) => `rgb(${blueWhiteRed(toNumber(edge.weight) < 0 ? 0.1 : 0.9).join(', ')})`;
  const steady = (edge) => 0.1 + 0.8 * (Math.abs(toNumber(edge.weight)) / heaviest);
  // What has changed lies on top of what has not.
  for (const edge of frame.edges) if (!changes?.of.has(edgeKey(edge))) draw(edge, changes ? ink.axis : colorOf(edge), steady(edge) * (changes ? 0.6 : 1));
  context.setLineDash([3, 3]);
  for (const edge of changes?.died ?? []) draw(edge, styleAt(LESS).color, 0.9);
  context.setLineDash([]);
  for (const edge of frame.edges) {
    const change = changes?.of.get(edgeKey(edge));
    if (change) draw(edge, styleAt(change === 'fell' ? LESS : MORE).color, change === 'born' ? 0.9 : 0.35);
  }
  context.globalAlpha = 1;
  const size = Math.max(2.5, Math.min(7, 120 / Math.sqrt(frame.nodes.length * 10)));
  context.font = ink.font;
  context.textBaseline = 'bottom';
  for (const node of frame.nodes) {
    const at = places.get(node.id);
    if (!at) continue;
    context.fillStyle = styleAt(groups.indexOf(node.group)).color;
    context.beginPath();
    context.arc(at.x, at.y, size, 0, 2 * Math.PI);
    context.fill();
    context.strokeStyle = ink.paper;
    context.lineWidth = 1;
    context.stroke();
    context.fillStyle = ink.axis;
    // A name at an edge of the picture goes inwards.
    context.textAlign = at.x < width / 4 ? 'left' : at.x > (3 * width) / 4 ? 'right' : 'center';
    if (node.label && frame.nodes.length <= MOST_LABELS) context.fillText(node.label, at.x, at.y - size - 1);
  }
  return (px, py) => {
    const near = frame.nodes.find((node) => Math.hypot((places.get(node.id)?.x ?? -99) - px, (places.get(node.id)?.y ?? -99) - py) < size + 3);
    if (!near) return null;
    const weights = frame.edges.filter((edge) => edge.from === near.id || edge.to === near.id);
    const strongest = weights.reduce((best, edge) => (Math.abs(toNumber(edge.weight)) > Math.abs(toNumber(best?.weight ?? 0)) ? edge : best), weights[0]);
    const strong = strongest ? `, strongest ${formatExact(strongest.weight)}` : '';
    return `${near.label ?? `node ${near.id}`}, group ${near.group}: ${weights.length} edges${strong}`;
  };
}
