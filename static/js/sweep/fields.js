/** The fields that the cells of a sweep differ in, spanned by a grid or drawn one by one. */

/** @param {import('../types.js').SweepDetail} sweep @returns {string[]} in the order they were given */
export function fieldsOf(sweep) {
  const fields = Object.keys(sweep.grid);
  return fields.length > 0 ? fields : [...new Set(sweep.cells.flatMap((cell) => Object.keys(cell.values)))];
}

/** Whether every combination of the values of its fields is a cell. @param {import('../types.js').SweepDetail} sweep */
export const isGrid = (sweep) => Object.keys(sweep.grid).length > 0;
