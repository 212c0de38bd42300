/** Draws counts per bin. */
import { styleAt } from '../arms.js';
import { linearRange } from '../charts/ranges.js';
import { formatExact, toNumber } from '../format.js';
import { drawAxes } from './canvas.js';

/** @typedef {{edges: any[], counts: number[], title: string}} Histogram */

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Histogram} frame
 * @param {ReturnType<typeof import('../theme.js').inks>} ink @param {string | null} color of the arm
 * @returns {(x: number, y: number) => string | null}
 */
export function drawHistogram(context, width, height, frame, ink, color) {
  const edges = frame.edges.map(toNumber);
  const low = edges[0] ?? 0;
  const high = edges[edges.length - 1] ?? 1;
  const most = frame.counts.reduce((a, b) => Math.max(a, b), 0);
  const { box, x, y } = drawAxes(
    context,
    width,
    height,
    { range: [low, high > low ? high : low + 1], log: false, title: frame.title },
    { range: linearRange(0, Math.max(1, most), null), log: false, title: 'count' },
    ink,
  );
  context.fillStyle = color ?? styleAt(0).color;
  frame.counts.forEach((count, bin) => {
    const [from, to] = [x(edges[bin]), x(edges[bin + 1])];
    // One pixel between bars, unless they are too thin to lose it.
    const gap = to - from > 4 ? 1 : 0;
    context.fillRect(from, y(count), Math.max(0.5, to - from - gap), box.top + box.height - y(count));
  });
  return (px) => {
    const bin = edges.findIndex((edge, i) => i < frame.counts.length && px >= x(edge) && px < x(edges[i + 1]));
    return bin < 0 ? null : `${formatExact(frame.edges[bin])} to ${formatExact(frame.edges[bin + 1])}: ${frame.counts[bin]}`;
  };
}
