/** Draws which neuron spiked when. */
import { drawAxes } from './canvas.js';

/** @typedef {{neurons: number, steps: number, spikes: [number, number][]}} Raster */

/**
 * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Raster} frame
 * @param {ReturnType<typeof import('../theme.js').inks>} ink @param {string | null} color of the arm
 * @returns {(x: number, y: number) => string | null}
 */
export function drawRaster(context, width, height, frame, ink, color) {
  const { box, x, y } = drawAxes(
    context,
    width,
    height,
    { range: [0, Math.max(1, frame.steps)], log: false, title: 'step' },
    { range: [0, Math.max(1, frame.neurons)], log: false, title: 'neuron' },
    ink,
  );
  context.fillStyle = color ?? ink.ink;
  const tall = Math.max(1, Math.min(8, box.height / frame.neurons - 0.5));
  const wide = Math.max(1, Math.min(3, box.width / frame.steps));
  for (const [neuron, step] of frame.spikes) context.fillRect(x(step), y(neuron + 1), wide, tall);
  return (px, py) => {
    const step = Math.floor(((px - box.left) / box.width) * frame.steps);
    const neuron = Math.floor((1 - (py - box.top) / box.height) * frame.neurons);
    if (step < 0 || neuron < 0 || step >= frame.steps || neuron >= frame.neurons) return null;
    const spikes = frame.spikes.some(([n, s]) => n === neuron && s === step);
    return `neuron ${neuron}, step ${step}: ${spikes ? 'spike' : 'silent'}`;
  };
}
