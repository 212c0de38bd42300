/** The table of runs: only the rows that can be seen are in the page, however long the list is. */
import { formatConfig, formatSigned, formatValue, shortId } from '../format.js';
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../html.js';
import { splitSummary } from '../run/results.js';
import { useCurves } from './curves.js';

export const ROW_HEIGHT = 36;
/** Rows beyond the edges, so that scrolling a little shows no gap. */
const SPARE = 8;
const TICK_WIDTH = 36;

/** @typedef {import('./columns.js').Column} Column */
/** @typedef {import('../types.js').Run} Run */

/** @param {Column} column */
function cellClass({ name, number, wide }) {
  // Names of experiments' fields are not for style sheets.
  const own = name.includes('.') ? '' : `col-${name} `;
  return `${own}${name === 'name' ? 'name ' : ''}${number ? 'number ' : ''}${wide ? 'from-wide' : ''}`.trim();
}

/** Where a list was left. @param {string} place @returns {number} */
function rememberedTop(place) {
  try {
    return Number(sessionStorage.getItem(`engram.rows.${place}`) ?? 0);
  } catch {
    return 0;
  }
}

/** @param {string} place @param {number} top */
function rememberTop(place, top) {
  try {
    sessionStorage.setItem(`engram.rows.${place}`, String(top));
  } catch {
    // Then coming back shows the first rows.
  }
}

/**
 * One run. The drawn row is kept until something in it changes: a live list draws many times a second.
 * @param {{run: Run, index: number, columns: Column[], card?: import('../types.js').Card, curve?: import('./curves.js').Curve,
 *   current: boolean, selected: boolean, minute: number, onSelect: (id: string, index: number) => void}} props
 */
function Row({ run, index, columns, card, curve, current, selected, minute, onSelect }) {
  return useMemo(() => {
    const shown = { run, card, curve };
    const name = run.name || `${run.experiment} ${run.seed}`;
    return html`<tr class=${`${current ? 'is-current' : ''}${selected ? ' is-selected' : ''}`} aria-rowindex=${index + 2} data-run=${run.id}>
      <td class="tick"><input type="checkbox" checked=${selected} aria-label=${`Select ${name}`} onChange=${() => onSelect(run.id, index)} /></td>
      ${columns.map((column) => html`<td key=${column.name} class=${cellClass(column)} title=${column.hover?.(shown)}>${column.cell(shown)}</td>`)}
    </tr>`;
  }, [run, index, columns, card, curve, current, selected, minute, onSelect]);
}

/** @param {{group: import('./run_list.js').Group, by: string, open: boolean, index: number, current: boolean, span: number, onToggle: () => void}} props */
function GroupRow({ group, by, open, index, current, span, onToggle }) {
  const value = group.value === null ? 'none' : by === 'sweep' || by === 'parent' ? shortId(group.value) : formatConfig(group.value);
  return html`<tr class=${`group${current ? ' is-current' : ''}`} aria-rowindex=${index + 2}>
    <td colSpan=${span}><button class="group-head" aria-expanded=${open} onClick=${onToggle}><i aria-hidden="true">${open ? '▾' : '▸'}</i>
      <span><span class="quiet">${by.replace('config.', '')}</span> <b>${value}</b></span>
      <span class="quiet number">${group.count} ${group.count === 1 ? 'run' : 'runs'}</span>
      ${group.running > 0 && html`<span class="alive number">● ${group.running} running</span>`}
      ${Object.entries(group.summary).slice(0, 3).map(([name, estimate]) => {
        const { metric, arm, other } = splitSummary(name);
        const show = other ? formatSigned : formatValue;
        const half = estimate.interval ? (estimate.interval.high - estimate.interval.low) / 2 : null;
        const title = half === null ? `${name}, one run` : `${name}: mean and half of its 95% interval over ${estimate.n} runs`;
        return html`<span class="main-number" key=${name} title=${title}><b class="number">${show(estimate.mean, metric)}${half === null ? '' : ` ± ${formatValue(half, metric)}`}</b> <span class="quiet">${[metric, arm && `${arm}${other ? ` − ${other}` : ''}`].filter(Boolean).join(' ')} (n ${estimate.n})</span></span>`;
      })}
    </button></td></tr>`;
}

/**
 * @param {{list: import('./run_list.js').RunList, version: number, columns: Column[], cards: import('../types.js').Card[], sort: string,
 *   at: number, isSelected: (id: string) => boolean, allSelected: boolean, minute: number, place: string,
 *   onSort: (sort: string) => void, onSelect: (id: string, index: number) => void, onSelectAll: () => void}} props
 *   `place` names the list, so that coming back shows the rows that were left
 */
export function RunTable({ list, version, columns, cards, sort, at, isSelected, allSelected, minute, place, onSort, onSelect, onSelectAll }) {
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const total = list.rows;
  const head = ROW_HEIGHT;
  useLayoutEffect(() => {
    const element = root.current;
    if (!element) return undefined;
    const measure = () => setHeight(element.clientHeight);
    const resizer = new ResizeObserver(measure);
    resizer.observe(element);
    measure();
    return () => resizer.disconnect();
  }, []);
  // Back and forward return to the rows that were looked at, once there are as many.
  const restored = useRef('');
  useLayoutEffect(() => {
    if (!root.current || total === 0 || restored.current === place) return;
    restored.current = place;
    root.current.scrollTop = rememberedTop(place);
  }, [place, total > 0]);
  const settle = useRef(0);
  const onScroll = (event) => {
    const { scrollTop } = event.currentTarget;
    setTop(scrollTop);
    clearTimeout(settle.current);
    settle.current = setTimeout(() => rememberTop(place, scrollTop), 100);
  };
  useEffect(() => () => clearTimeout(settle.current), []);

  const seen = [Math.floor(top / ROW_HEIGHT), Math.ceil((top + height) / ROW_HEIGHT)];
  // A list that has become shorter is still scrolled beyond its end.
  const from = Math.max(0, Math.min(seen[0], total - (seen[1] - seen[0])) - SPARE);
  const to = Math.min(total, seen[1] + SPARE);
  useEffect(() => list.look(from, Math.max(to, 1)), [list, from, to, version]);
  useEffect(() => {
    const element = root.current;
    if (!element || at < 0) return;
    const start = at * ROW_HEIGHT;
    if (start < element.scrollTop) element.scrollTop = start;
    else if (start + ROW_HEIGHT + head > element.scrollTop + element.clientHeight) element.scrollTop = start + ROW_HEIGHT + head - element.clientHeight;
  }, [at]);

  const rows = list.slice(from, to);
  const runs = rows.flatMap((row, index) => (row.kind === 'run' && row.run && from + index >= seen[0] && from + index <= seen[1] ? [row.run] : []));
  const curves = useCurves(runs, cards, columns.some((column) => column.name === 'curve'));
  const span = columns.length + 1;
  const width = columns.reduce((sum, column) => sum + column.width, TICK_WIDTH);
  const gap = (count) => (count > 0 ? html`<tr class="gap" aria-hidden="true" style=${{ height: `${count * ROW_HEIGHT}px` }}><td colSpan=${span}></td></tr>` : null);
  return html`<div class="run-scroller" ref=${root} onScroll=${onScroll} tabIndex="-1">
    <table class="data runs" aria-rowcount=${total + 1} style=${{ minWidth: `min(100%, ${width}px)` }}>
      <colgroup><col style=${{ width: `${TICK_WIDTH}px` }} />${columns.map((column) => html`<col key=${column.name} class=${column.wide ? 'from-wide' : ''} style=${{ width: `${column.width}px` }} />`)}</colgroup>
      <thead><tr aria-rowindex="1"><th class="tick"><input type="checkbox" checked=${allSelected} aria-label="Select all that match" onChange=${onSelectAll} /></th>
        ${columns.map((column) => html`<${Head} key=${column.name} column=${column} sort=${sort} onSort=${onSort} />`)}</tr></thead>
      <tbody>
        ${gap(from)}
        ${rows.map((row, offset) => {
          const index = from + offset;
          if (row.kind === 'group') return html`<${GroupRow} key=${`group ${JSON.stringify(row.group.value)}`} group=${row.group} by=${list.wanted.group} open=${row.open} index=${index} current=${index === at} span=${span} onToggle=${() => list.toggle(row.group)} />`;
          if (!row.run) return html`<tr key=${`row ${index}`} class="awaited" aria-rowindex=${index + 2}><td colSpan=${span}><span class="quiet">…</span></td></tr>`;
          return html`<${Row} key=${list.runs ? row.run.id : `${index} ${row.run.id}`} run=${row.run} index=${index} columns=${columns} card=${cards.find((card) => card.id === row.run?.experiment)} curve=${curves.get(row.run.id)}
            current=${index === at} selected=${isSelected(row.run.id)} minute=${minute} onSelect=${onSelect} />`;
        })}
        ${gap(total - to)}
      </tbody>
    </table>
  </div>`;
}

/** @param {{column: Column, sort: string, onSort: (sort: string) => void}} props */
function Head({ column, sort, onSort }) {
  const kind = `${column.number ? 'number' : ''}${column.wide ? ' from-wide' : ''}`;
  if (!column.sort) return html`<th scope="col" class=${kind} title=${column.name}>${column.title}</th>`;
  const down = sort === `-${column.sort}`;
  const up = sort === column.sort;
  // Numbers and times are wanted greatest first, texts from the beginning.
  const first = column.number || column.sort.startsWith('summary.') ? `-${column.sort}` : column.sort;
  const next = up ? `-${column.sort}` : down ? column.sort : first;
  return html`<th scope="col" class=${kind} aria-sort=${up ? 'ascending' : down ? 'descending' : undefined} title=${column.name}>
    <button class="sort" onClick=${() => onSort(next)}><span>${column.title}</span><i aria-hidden="true">${up ? '↑' : down ? '↓' : ''}</i></button></th>`;
}
