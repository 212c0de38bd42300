/** Connections as a graph, whether a frame gives them as a matrix or as edges, and what became of them since an earlier frame. */
import { toNumber } from '../format.js';

/** @typedef {{id: number, group: number, label?: string, x?: number, y?: number}} Node */
/** @typedef {{nodes: Node[], edges: {from: number, to: number, weight: any}[]}} Graph */
/**
 * What became of an edge: it was not there before, it is not there any more, or its weight has grown or shrunk.
 * @typedef {'born' | 'died' | 'rose' | 'fell'} Change
 * @typedef {{of: Map<string, Change>, died: {from: number, to: number, weight: any}[], count: Record<Change, number>}} Changes
 */

/** Frames of this family show which units are connected. @param {string} name */
export const isWiring = (name) => /^connectivity(\/|$)/.test(name);

/** Cells of a matrix that is drawn as a graph too; more edges would be a black square. */
const MOST_CELLS = 10_000;

/** @param {{from: number, to: number}} edge */
export const edgeKey = ({ from, to }) => `${from}>${to}`;

/**
 * The frame as a graph: a matrix becomes its columns on the left, its rows on the right, and an edge for every cell that is not zero.
 * @param {string} kind @param {any} frame @returns {Graph | null} `null` for what has no edges or too many
 */
export function graphOf(kind, frame) {
  if (kind === 'graph') return frame;
  const { rows, columns } = frame;
  if (kind !== 'heatmap' || rows * columns > MOST_CELLS) return null;
  const place = (/** @type {number} */ index, /** @type {number} */ count) => (count === 1 ? 0.5 : index / (count - 1));
  const side = (/** @type {number} */ count, /** @type {string[] | undefined} */ labels, /** @type {string} */ title, /** @type {number} */ x, /** @type {number} */ first) =>
    Array.from({ length: count }, (_, i) => ({ id: first + i, group: x, label: `${title} ${labels?.[i] ?? i}`, x, y: place(i, count) }));
  const edges = frame.values.flatMap((weight, cell) => {
    if (toNumber(weight) === 0 || Number.isNaN(toNumber(weight))) return [];
    return [{ from: cell % columns, to: columns + Math.floor(cell / columns), weight }];
  });
  return { nodes: [...side(columns, frame.column_labels, frame.x_title, 0, 0), ...side(rows, frame.row_labels, frame.y_title, 1, columns)], edges };
}

/** @param {Graph} now @param {Graph} before @returns {Changes} */
export function changesSince(now, before) {
  const weights = new Map(before.edges.map((edge) => [edgeKey(edge), toNumber(edge.weight)]));
  /** @type {Changes} */
  const changes = { of: new Map(), died: [], count: { born: 0, died: 0, rose: 0, fell: 0 } };
  const note = (/** @type {string} */ key, /** @type {Change} */ change) => {
    changes.of.set(key, change);
    changes.count[change] += 1;
  };
  const here = new Set();
  for (const edge of now.edges) {
    const key = edgeKey(edge);
    here.add(key);
    const old = weights.get(key);
    const by = Math.abs(toNumber(edge.weight)) - Math.abs(old ?? 0);
    if (old === undefined) note(key, 'born');
    else if (by > 0) note(key, 'rose');
    else if (by < 0) note(key, 'fell');
  }
  for (const edge of before.edges) {
    const key = edgeKey(edge);
    if (here.has(key)) continue;
    changes.died.push(edge);
    note(key, 'died');
  }
  return changes;
}

/** The changes in a few words. @param {Changes} changes @param {number} step of the earlier frame */
export function changeText({ count }, step) {
  const parts = /** @type {Change[]} */ (['born', 'died', 'rose', 'fell']).filter((change) => count[change] > 0).map((change) => `${count[change]} ${change}`);
  return `since step ${step}: ${parts.length > 0 ? parts.join(', ') : 'no edge has changed'}`;
}
