/** Draws a frame of any kind; the same code draws on the page and into a picture that is saved. */
import { armStyle } from '../arms.js';
import { inks } from '../theme.js';
import { drawGraph } from './graph.js';
import { drawHeatmap } from './heatmap.js';
import { drawHistogram } from './histogram.js';
import { dashOf } from './frontiers.js';
import { drawPlot, plotLegend } from './plot.js';
import { drawRaster } from './raster.js';
import { changesSince, graphOf } from './wiring.js';

/** @typedef {(x: number, y: number) => string | null} Probe what lies at a place */
/** @typedef {{ref: import('../types.js').FrameRef, frame: any, earlier: any}} Shown a frame, and for a graph the one before it */

/**
 * @typedef {{label: string, word: string, mark: 'line' | 'point' | 'bar' | 'outline', style: {color: string, dash: number[]} | null}} LegendRow
 *   `word` says what a curve is, where that needs saying; a remark has no style
 */

/** A graph of the frame and what has changed since the earlier one. @param {Shown} shown */
export function wiringOf({ ref, frame, earlier }) {
  const graph = graphOf(ref.kind, frame);
  const before = earlier && graphOf(ref.kind, earlier);
  return { graph, changes: graph && before ? changesSince(graph, before) : null };
}

/**
 * @param {Shown} shown @param {boolean} asGraph @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
 * @param {import('../types.js').Arm[]} arms @returns {Probe}
 */
export function drawFrame(shown, asGraph, context, width, height, arms) {
  const { frame, ref: { kind, arm } } = shown;
  const ink = inks();
  if (asGraph) {
    const { graph, changes } = wiringOf(shown);
    if (graph) return drawGraph(context, width, height, graph, ink, changes);
  }
  const color = arm === null ? null : armStyle(arms, arm).color;
  if (kind === 'heatmap') return drawHeatmap(context, width, height, frame, ink);
  if (kind === 'plot') return drawPlot(context, width, height, frame, ink, arms);
  if (kind === 'histogram') return drawHistogram(context, width, height, frame, ink, color);
  if (kind === 'raster') return drawRaster(context, width, height, frame, ink, color);
  if (kind === 'graph') return drawGraph(context, width, height, frame, ink);
  context.fillStyle = ink.axis;
  context.font = ink.font;
  context.fillText(`This version cannot draw frames of the kind "${kind}".`, 8, 20);
  return () => null;
}

/** What the legend of a frame says; most need none. @param {Shown} shown @param {import('../types.js').Arm[]} arms @returns {LegendRow[]} */
export function legendOf({ ref, frame }, arms) {
  if (ref.kind === 'plot') return plotLegend(frame, arms);
  if (ref.kind !== 'heatmap') return [];
  const { ink } = inks();
  /** @type {LegendRow[]} */
  const rows = (frame.frontiers ?? []).map(({ label }, index) => ({ label, word: '', mark: 'line', style: { color: ink, dash: dashOf(index) } }));
  // A dot has the colour of its value.
  return frame.dots ? [...rows, { label: frame.dots.label, word: 'data', mark: 'point', style: { color: ink, dash: [] } }] : rows;
}
