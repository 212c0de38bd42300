/** Draws the curves of one panel, live: one line per metric and arm, on uPlot. */
import uPlot from '../../vendor/uplot-1.6.32/uPlot.esm.js';
import { formatTick } from '../format.js';
import { inks, onThemeChange } from '../theme.js';
import { linearRange, logRange, stepEnd } from './ranges.js';
import { smooth } from './series.js';

/**
 * @typedef {object} Line
 * @property {string} key
 * @property {import('./series.js').Series} series
 * @property {() => import('../arms.js').ArmStyle} style asked again after a change of theme
 * @property {{low: number[], high: number[]}} [band] an interval around the line, at the same steps
 */

/**
 * All lines over one common list of steps, as uPlot wants them: `undefined` where a line has no point (drawn through), `null` where
 * its value is not finite (a gap).
 * @param {{steps: number[], columns: number[][]}[]} lines @param {boolean} xLog @param {boolean} yLog
 */
function align(lines, xLog, yLog) {
  const sameSteps = lines.every((line) => line.steps === lines[0].steps || sameNumbers(line.steps, lines[0].steps));
  let steps = lines[0]?.steps ?? [];
  if (!sameSteps) steps = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const from = xLog ? steps.findIndex((step) => step > 0) : 0;
  const shown = from > 0 ? steps.slice(from) : from < 0 ? [] : steps;
  const drawable = (value) => (Number.isFinite(value) && (!yLog || value > 0) ? value : null);
  const data = [shown];
  for (const line of lines) {
    for (const column of line.columns) {
      const out = new Array(shown.length).fill(undefined);
      let at = 0;
      for (let i = 0; i < line.steps.length; i += 1) {
        if (xLog && line.steps[i] <= 0) continue;
        while (shown[at] < line.steps[i]) at += 1;
        out[at] = drawable(column[i]);
      }
      data.push(out);
    }
  }
  return data;
}

/** @param {number[]} a @param {number[]} b */
function sameNumbers(a, b) {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** A colour with some transparency. @param {string} hex `#rrggbb` @param {number} alpha */
const faded = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, '0');

export class LineChart {
  /**
   * @param {HTMLElement} root
   * @param {{group: import('./group.js').ChartGroup, height: number, xLog: boolean, yLog: boolean, lastStep?: () => number,
   *   onCursor: (step: number | null) => void}} options `lastStep` is the newest step of the whole run, so that all its charts end alike
   */
  constructor(root, options) {
    this.root = root;
    this.group = options.group;
    this.options = options;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {any} */
    this.plot = null;
    this.xLog = options.xLog;
    this.yLog = options.yLog;
    /** @type {import('./ranges.js').Range | null} */
    this.yRange = null;
    this.drawnVersion = '';
    this.visible = false;
    this.dirty = false;
    this.frame = 0;
    this.mark = document.createElement('div');
    this.mark.className = 'step-mark';
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(root);
    this.seer = new IntersectionObserver((entries) => {
      this.visible = entries[entries.length - 1].isIntersecting;
      if (this.visible && this.dirty) this.schedule();
    }, { rootMargin: '200px' });
    this.seer.observe(root);
    const rebuild = () => this.rebuild();
    this.stops = [
      onThemeChange(rebuild),
      this.group.on('smoothing', rebuild),
      this.group.on('arms', rebuild),
      this.group.on('total', () => this.refresh()),
      this.group.on('range', () => {
        this.yRange = null;
        this.drawnVersion = '';
        this.refresh();
      }),
      this.group.on('step', () => this.placeMark()),
    ];
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.stops.forEach((stop) => stop());
    this.resizer.disconnect();
    this.seer.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  /** @param {Line[]} lines */
  setLines(lines) {
    const same = lines.length === this.lines.length && lines.every((line, i) => line.key === this.lines[i].key);
    this.lines = lines;
    if (same) this.refresh();
    else this.rebuild();
  }

  /** @param {boolean} xLog @param {boolean} yLog */
  setScales(xLog, yLog) {
    if (xLog === this.xLog && yLog === this.yLog) return;
    this.xLog = xLog;
    this.yLog = yLog;
    this.rebuild();
  }

  /** Draws with the next frame if something has changed and the chart can be seen. */
  refresh() {
    this.dirty = true;
    if (this.visible) this.schedule();
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    this.yRange = null;
    this.drawnVersion = '';
    this.refresh();
  }

  resize() {
    const width = this.root.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.options.height });
    else if (!this.plot) this.refresh();
  }

  schedule() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  /** What is not hidden, the card's first arm last, so that it lies on top. */
  shownLines() {
    return [...this.lines].reverse().filter((line) => line.series.arm === null || !this.group.hidden.has(line.series.arm));
  }

  draw() {
    this.dirty = false;
    const width = this.root.clientWidth;
    if (width === 0) return;
    const lines = this.shownLines();
    const version = `${lines.map((line) => line.series.version).join()}|${this.xEnd()}`;
    if (this.plot && version === this.drawnVersion) return;
    this.drawnVersion = version;
    const weight = this.group.smoothing;
    const data = align(
      lines.map(({ series }) => ({
        steps: series.steps,
        columns: weight > 0 ? [series.values, smooth(series.steps, series.values, weight, this.group.total)] : [series.values],
      })),
      this.xLog,
      this.yLog,
    );
    if (this.plot) this.plot.setData(data);
    else this.plot = new uPlot(this.plotOptions(lines, width), /** @type {any} */ (data), this.root);
    if (this.mark.parentNode !== this.plot.over) this.plot.over.append(this.mark);
    this.placeMark();
  }

  /** @param {Line} line @param {boolean} smoothed @returns {any[]} the line as uPlot wants it, and before it the unsmoothed one */
  plotSeries(line, smoothed) {
    const { color, dash, width } = line.style();
    // A lone point makes no line, so it is drawn as a dot; the number of points is asked for at every drawing.
    const main = { stroke: color, width, dash, points: { show: () => line.series.steps.length < 3, size: 5, fill: color } };
    if (!smoothed) return [main];
    return [{ stroke: faded(color, 0.25), width: 1, points: { show: false } }, { ...main, points: { show: false } }];
  }

  /** @param {Line[]} lines @param {number} width @returns {any} */
  plotOptions(lines, width) {
    const ink = inks();
    const smoothed = this.group.smoothing > 0;
    const axis = {
      stroke: ink.axis,
      font: ink.font,
      grid: { stroke: ink.grid, width: 1 },
      ticks: { stroke: ink.grid, width: 1, size: 4 },
      values: (_, splits) => splits.map((split) => (split === null ? '' : formatTick(split))),
    };
    const series = lines.flatMap((line) => this.plotSeries(line, smoothed));
    return {
      width,
      height: this.options.height,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: {
        y: false,
        sync: { key: this.group.key, setSeries: false, scales: ['x', null] },
        drag: { x: true, y: false, setScale: false },
        points: { size: (_, index) => (smoothed && index % 2 === 1 ? 0 : 6) },
        bind: { dblclick: () => () => (this.group.setRange(null), null) },
      },
      scales: {
        x: { time: false, distr: this.xLog ? 3 : 1, range: () => this.xRangeFor() },
        y: { distr: this.yLog ? 3 : 1, range: (_, min, max) => this.yRangeFor(min, max) },
      },
      axes: [
        { ...axis, size: 28, gap: 4, space: 64 },
        { ...axis, size: (_, values) => 16 + Math.max(24, ...(values ?? []).map((value) => (value?.length ?? 0) * 6.4)), gap: 4, space: 32 },
      ],
      series: [{}, ...series],
      hooks: {
        setCursor: [(u) => this.options.onCursor(u.cursor.idx === null || u.cursor.idx === undefined ? null : u.data[0][u.cursor.idx])],
        setSelect: [(u) => this.zoom(u)],
        drawClear: [(u) => this.drawBands(u, lines)],
        draw: [(u) => this.drawOdd(u, lines)],
        setSize: [() => requestAnimationFrame(() => this.placeMark())],
      },
    };
  }

  /** The end of the step axis. uPlot's own idea of it is of no use: it widens the range of a lone point. */
  xEnd() {
    const last = Math.max(0, this.options.lastStep?.() ?? 0, ...this.shownLines().map((line) => line.series.lastStep));
    return stepEnd(last, this.group.total);
  }

  xRangeFor() {
    if (this.group.range) return this.group.range;
    const firsts = this.shownLines().map((line) => line.series.steps.find((step) => !this.xLog || step > 0) ?? Infinity);
    const first = Math.min(...firsts);
    if (this.xLog) return [Number.isFinite(first) ? Math.max(1, first) : 1, Math.max(this.xEnd(), 2)];
    return [Math.min(0, first), this.xEnd()];
  }

  yRangeFor(min, max) {
    if (min === null || min === undefined) return this.yLog ? [0.1, 1] : [0, 1];
    for (const { band } of this.shownLines()) {
      const usable = (value) => Number.isFinite(value) && (!this.yLog || value > 0);
      for (const value of band?.low ?? []) if (usable(value)) min = Math.min(min, value);
      for (const value of band?.high ?? []) if (usable(value)) max = Math.max(max, value);
    }
    this.yRange = this.yLog ? logRange(min, max, this.yRange) : linearRange(min, max, this.yRange);
    return this.yRange;
  }

  zoom(u) {
    const { left, width } = u.select;
    if (width < 4) return;
    const range = /** @type {[number, number]} */ ([u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]);
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.group.setRange(range);
  }

  /** Fills the intervals behind the lines. */
  drawBands(u, lines) {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(left, top, width, height);
    u.ctx.clip();
    for (const { series, band, style } of lines) {
      if (!band) continue;
      const place = (value) => (this.yLog && value <= 0 ? top + height : u.valToPos(value, 'y', true));
      const kept = series.steps.map((_, i) => i).filter((i) => Number.isFinite(band.low[i]) && Number.isFinite(band.high[i]) && (!this.xLog || series.steps[i] > 0));
      u.ctx.fillStyle = faded(style().color, 0.15);
      u.ctx.beginPath();
      for (const i of kept) u.ctx.lineTo(u.valToPos(series.steps[i], 'x', true), place(band.high[i]));
      for (const i of kept.reverse()) u.ctx.lineTo(u.valToPos(series.steps[i], 'x', true), place(band.low[i]));
      u.ctx.fill();
    }
    u.ctx.restore();
  }

  /** Marks values that are not finite by a small cross at the lower edge, in the colour of their line. */
  drawOdd(u, lines) {
    const ratio = devicePixelRatio;
    const { left, top, width, height } = u.bbox;
    const context = u.ctx;
    context.save();
    context.lineWidth = 1.5 * ratio;
    lines.forEach((line, index) => {
      const { series } = line;
      if (series.firstOdd === null) return;
      context.strokeStyle = line.style().color;
      let lastX = -Infinity;
      const y = top + height - (5 + 3 * (index % 4)) * ratio;
      for (let i = 0; i < series.steps.length; i += 1) {
        if (Number.isFinite(series.values[i])) continue;
        const x = u.valToPos(series.steps[i], 'x', true);
        if (x < left || x > left + width || x - lastX < 8 * ratio) continue;
        lastX = x;
        const size = 3 * ratio;
        context.beginPath();
        context.moveTo(x - size, y - size);
        context.lineTo(x + size, y + size);
        context.moveTo(x + size, y - size);
        context.lineTo(x - size, y + size);
        context.stroke();
      }
    });
    context.restore();
  }

  /** The line of the slider: an element of its own, so that moving it redraws nothing. */
  placeMark() {
    const { step } = this.group;
    const scale = this.plot?.scales.x;
    const inside = step !== null && scale && scale.min !== null && step >= scale.min && step <= scale.max;
    this.mark.hidden = !inside;
    if (inside) this.mark.style.transform = `translateX(${this.plot.valToPos(step, 'x')}px)`;
  }
}
