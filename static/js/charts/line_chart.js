/** Draws the curves of one panel, live: uPlot gives axes, scales and the crosshair; the curves are painted by `curve.js`. */
import uPlot from '../../vendor/uplot-1.6.32/uPlot.esm.js';
import { formatTick } from '../format.js';
import { inks, onThemeChange } from '../theme.js';
import { extentOf, fieldOf, isDrawable, paintBand, paintCurve, paintFork, paintOdd } from './curve.js';
import { bindGestures } from './gestures.js';
import { linearRange, logRange, stepEnd } from './ranges.js';
import { countBelow, smooth } from './series.js';
import { STEP_AXIS } from './x_axis.js';

/**
 * @typedef {object} Line
 * @property {string} key
 * @property {import('./series.js').Series} series
 * @property {() => import('../arms.js').ArmStyle} style asked again after a change of theme
 * @property {{low: number[], high: number[]}} [band] an interval around the line, at the same steps
 * @property {import('./series.js').Series | null} [before] what the line goes on from, drawn faintly over the step
 */
/**
 * @typedef {object} View what is drawn of the horizontal axis
 * @property {[number, number] | null} range `null` for the whole run
 * @property {number} pixels
 * @property {boolean} log
 */
/** @typedef {{line: Line, curve: import('./curve.js').Curve, before: import('./curve.js').Curve | null}[]} Curves */

/** How much of its ink a line has before a fork. */
const FAINT = 0.4;
/** Lines that get a dot under the crosshair; more would hide the curves. */
const MOST_DOTS = 16;

export class LineChart {
  /**
   * @param {HTMLElement} root
   * @param {{group: import('./group.js').ChartGroup, height: number, xLog: boolean, yLog: boolean, lastStep?: () => number,
   *   forkedStep?: () => number | null, onCursor: (x: number | null) => void, onView?: (view: View) => void}} options `lastStep` is the
   *   newest step of the whole run, so that all its charts end alike; at `forkedStep` a run left another; `onView` is told what is
   *   shown, as soon as that is known and with each drawing
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
    /** @type {import('./ranges.js').Range | null} */
    this.xRange = null;
    /** What was drawn last. @type {Curves} */
    this.painted = [];
    this.drawnVersion = '';
    /** The zoom that was drawn last. @type {[number, number] | null} */
    this.drawnRange = null;
    this.visible = false;
    this.dirty = false;
    this.frame = 0;
    this.mark = this.makeOverlay('step-mark');
    this.flag = this.makeOverlay('cursor-flag number');
    this.dots = Array.from({ length: MOST_DOTS }, () => this.makeOverlay('cursor-dot'));
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(root);
    this.seer = new IntersectionObserver((entries) => {
      this.visible = entries[entries.length - 1].isIntersecting;
      if (this.visible && this.dirty) this.schedule();
    }, { rootMargin: '200px' });
    this.seer.observe(root);
    this.gestures = bindGestures(root, this.group, () => this.shown());
    const rebuild = () => this.rebuild();
    const redraw = () => {
      this.drawnVersion = '';
      this.refresh();
    };
    this.stops = [
      this.gestures.stop,
      onThemeChange(rebuild),
      this.group.on('x', rebuild),
      this.group.on('smoothing', redraw),
      this.group.on('arms', () => {
        this.yRange = this.xRange = null;
        redraw();
      }),
      this.group.on('total', () => this.refresh()),
      this.group.on('range', () => {
        // Not only once it is drawn: what is missing is then on its way a frame earlier.
        this.tellView();
        redraw();
      }),
      this.group.on('step', () => this.placeMark()),
    ];
  }

  /** @param {string} className */
  makeOverlay(className) {
    const element = document.createElement('div');
    element.className = className;
    element.hidden = true;
    return element;
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
    if (!same) {
      this.yRange = this.xRange = null;
      this.drawnVersion = '';
    }
    this.refresh();
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

  /** Draws at once if something has changed and the chart can be seen: for whoever is told of changes once a frame. */
  redraw() {
    this.dirty = true;
    if (!this.visible) return;
    cancelAnimationFrame(this.frame);
    this.draw();
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    this.yRange = this.xRange = null;
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

  /** @param {Line} line @returns {import('./curve.js').Curve} */
  curveOf({ series }) {
    const { x } = this.group;
    return { xs: x.placesOf(series), ys: series.values, isSorted: x.isSorted, isThinned: series.isThinned && !series.detail?.isComplete };
  }

  /** What came before a line, up to its first own point. @param {Line} line @returns {import('./curve.js').Curve | null} */
  curveBefore({ series, before }) {
    if (!before || this.group.x !== STEP_AXIS) return null;
    return { xs: before.steps.concat(series.steps.slice(0, 1)), ys: before.values.concat(series.values.slice(0, 1)), isSorted: true, isThinned: before.isThinned };
  }

  draw() {
    this.dirty = false;
    const width = this.root.clientWidth;
    if (width === 0) return;
    const lines = this.shownLines();
    const version = `${lines.map((line) => `${line.key}${line.series.version}${line.before?.version ?? ''}${line.style().color}`).join()}|${this.xEnd(lines)}`;
    if (this.plot && version === this.drawnVersion) return;
    this.drawnVersion = version;
    const curves = lines.map((line) => ({ line, curve: this.curveOf(line), before: this.curveBefore(line) }));
    this.painted = curves;
    const before = this.xRange;
    const [min, max] = (this.xRange = this.xRangeFor(curves));
    // Another zoom has its own vertical axis; while panning it changes only in steps.
    const isPanned = before && Math.abs((max - min) / (before[1] - before[0]) - 1) < 0.01;
    if (this.drawnRange !== this.group.range && !isPanned) this.yRange = null;
    this.drawnRange = this.group.range;
    this.yRange = this.yRangeFor(curves, { min, max });
    // The plot needs some data to have scales; the curves are painted past it.
    const data = [[min, max], [null, null]];
    if (this.plot) this.plot.setData(data);
    else this.plot = new uPlot(this.plotOptions(width), /** @type {any} */ (data), this.root);
    if (this.mark.parentNode !== this.plot.over) this.plot.over.append(this.mark, this.flag, ...this.dots);
    this.placeMark();
    this.group.seen = this.shown();
    this.tellView();
  }

  /** Tells what is shown, or about to be. */
  tellView() {
    if (!this.plot || !this.visible) return;
    this.options.onView?.({ range: this.group.range, pixels: this.plot.bbox.width / devicePixelRatio, log: this.xLog });
  }

  /** @param {number} width @returns {any} */
  plotOptions(width) {
    const ink = inks();
    const { x } = this.group;
    const axis = { stroke: ink.axis, font: ink.font, grid: { stroke: ink.grid, width: 1 }, ticks: { stroke: ink.grid, width: 1, size: 4 } };
    const labels = (format) => (_, splits) => splits.map((split) => (split === null ? '' : format(split)));
    const increments = x.increments && !this.xLog ? { incrs: x.increments } : {};
    return {
      width,
      height: this.options.height,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: {
        y: false,
        sync: { key: this.group.key, setSeries: false, scales: ['x', null] },
        drag: { x: true, y: false, setScale: false },
        points: { show: false },
        bind: {
          dblclick: () => () => (this.group.setRange(null), null),
          mousedown: (_, __, handle) => (event) => (this.gestures.onMouseDown(event) ? null : handle(event)),
        },
      },
      scales: {
        x: { time: false, distr: this.xLog ? 3 : 1, range: () => this.xRange },
        y: { distr: this.yLog ? 3 : 1, range: () => this.yRange },
      },
      axes: [
        { ...axis, ...increments, values: labels(x.tick), size: 28, gap: 4, space: 64 },
        { ...axis, values: labels(formatTick), size: (_, values) => 16 + Math.max(24, ...(values ?? []).map((value) => (value?.length ?? 0) * 6.4)), gap: 4, space: 32 },
      ],
      series: [{}, { show: true, points: { show: false } }],
      hooks: {
        setCursor: [(u) => this.onCursor(u)],
        setSelect: [(u) => this.zoom(u)],
        draw: [(u) => this.paint(u)],
        setSize: [() => requestAnimationFrame(() => this.placeMark())],
      },
    };
  }

  /** The end of the step axis, which is the same for all charts of a run. @param {Line[]} lines */
  xEnd(lines) {
    const last = lines.reduce((most, line) => Math.max(most, line.series.lastStep), Math.max(0, this.options.lastStep?.() ?? 0));
    return stepEnd(last, this.group.total);
  }

  /** The whole of the horizontal axis. @param {Curves} curves @returns {import('./ranges.js').Range} */
  wholeRange(curves) {
    const { x } = this.group;
    let low = Infinity;
    let high = -Infinity;
    for (const curve of curves.flatMap(({ curve, before }) => (before ? [before, curve] : [curve]))) {
      const { xs } = curve;
      if (x.isSorted) {
        const from = this.xLog ? countBelow(xs, 0, true) : 0;
        if (from >= xs.length) continue;
        low = Math.min(low, xs[from]);
        high = Math.max(high, xs[xs.length - 1]);
        continue;
      }
      for (const value of xs) {
        if (!isDrawable(value, this.xLog)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (x === STEP_AXIS) {
      const end = this.xEnd(curves.map(({ line }) => line));
      return this.xLog ? [Number.isFinite(low) ? Math.max(1, low) : 1, Math.max(end, 2)] : [Math.min(0, low), end];
    }
    const previous = this.group.range ? null : this.xRange;
    if (this.xLog) return logRange(low, high, previous);
    return x.isSorted ? [0, low <= high ? stepEndOfTime(high) : 1] : linearRange(low, high, previous);
  }

  /** @param {Curves} curves @returns {import('./ranges.js').Range} */
  xRangeFor(curves) {
    const { range } = this.group;
    if (!range) return this.wholeRange(curves);
    // A zoom that was made elsewhere may reach below what a logarithmic axis has.
    return this.xLog ? [Math.max(range[0], range[1] * 1e-9), range[1]] : range;
  }

  /** @param {Curves} curves @param {{min: number, max: number}} shown @returns {import('./ranges.js').Range} */
  yRangeFor(curves, shown) {
    let low = Infinity;
    let high = -Infinity;
    const take = ([least, most]) => {
      low = Math.min(low, least);
      high = Math.max(high, most);
    };
    for (const { line, curve, before } of curves) {
      take(extentOf(curve, shown, this.yLog));
      if (before) take(extentOf(before, shown, this.yLog));
      if (!line.band) continue;
      take(extentOf({ ...curve, ys: line.band.low }, shown, this.yLog));
      take(extentOf({ ...curve, ys: line.band.high }, shown, this.yLog));
    }
    if (low > high) return this.yLog ? [0.1, 1] : [0, 1];
    return this.yLog ? logRange(low, high, this.yRange) : linearRange(low, high, this.yRange);
  }

  /** @param {any} u */
  paint(u) {
    const context = /** @type {CanvasRenderingContext2D} */ (u.ctx);
    const field = fieldOf(u, this.xLog, this.yLog);
    const { smoothing: weight, x } = this.group;
    context.save();
    context.beginPath();
    context.rect(field.left, field.top, field.width, field.height);
    context.clip();
    for (const { line, curve } of this.painted) if (line.band) paintBand(context, field, curve.xs, line.band, line.style().color);
    context.globalAlpha = FAINT;
    for (const { line, before } of this.painted) if (before) paintCurve(context, field, before, { ...line.style(), width: 1 }, null);
    context.globalAlpha = 1;
    const forked = x === STEP_AXIS ? (this.options.forkedStep?.() ?? null) : null;
    if (forked !== null) paintFork(context, field, forked, inks().axis);
    for (const { line, curve } of this.painted) {
      const smoothed = weight > 0 ? smooth(line.series.steps, line.series.values, weight, this.group.total) : null;
      paintCurve(context, field, curve, line.style(), smoothed);
    }
    this.painted.forEach(({ line, curve }, row) => line.series.firstOdd !== null && paintOdd(context, field, curve, line.style().color, row));
    context.restore();
  }

  /** @returns {import('./gestures.js').Seen | null} */
  shown() {
    if (!this.plot || !this.xRange) return null;
    return { shown: this.xRange, whole: this.wholeRange(this.painted), log: this.xLog, width: this.plot.bbox.width / devicePixelRatio };
  }

  /** The point of a line at a place of the horizontal axis: the last at or before it, or the nearest where places go to and fro. @param {Line} line @param {number} x */
  pointAt(line, x) {
    const { xs, isSorted } = this.curveOf(line);
    if (isSorted) return countBelow(xs, x, true) - 1;
    let nearest = -1;
    for (let i = 0; i < xs.length; i += 1) if (Number.isFinite(xs[i]) && (nearest < 0 || Math.abs(xs[i] - x) < Math.abs(xs[nearest] - x))) nearest = i;
    return nearest;
  }

  /** The value of a line at a place of the horizontal axis. @param {Line} line @param {number} x @returns {number | undefined} */
  valueAt(line, x) {
    const at = this.pointAt(line, x);
    return at < 0 && this.group.x === STEP_AXIS ? line.before?.valueAt(x) : line.series.values[at];
  }

  /** @param {any} u */
  onCursor(u) {
    const { left } = u.cursor;
    const inside = left !== undefined && left >= 0;
    const exact = inside ? u.posToVal(left, 'x') : null;
    const x = exact !== null && this.group.x === STEP_AXIS ? Math.round(exact) : exact;
    this.flag.hidden = x === null;
    this.dots.forEach((dot) => (dot.hidden = true));
    if (x !== null) {
      this.flag.textContent = this.group.x.format(x);
      const half = this.flag.offsetWidth / 2;
      const width = u.bbox.width / devicePixelRatio;
      this.flag.style.transform = `translateX(${Math.max(0, Math.min(width - 2 * half, left - half))}px)`;
      this.painted.slice(-MOST_DOTS).forEach(({ line, curve }, i) => this.placeDot(u, this.dots[i], line, curve, x));
    }
    this.options.onCursor(x);
  }

  placeDot(u, dot, line, curve, x) {
    const at = this.pointAt(line, x);
    const value = curve.ys[at];
    const { min, max } = u.scales.x;
    if (at < 0 || !isDrawable(value, this.yLog) || curve.xs[at] < min || curve.xs[at] > max) return;
    dot.hidden = false;
    dot.style.background = line.style().color;
    dot.style.transform = `translate(${u.valToPos(curve.xs[at], 'x')}px, ${u.valToPos(value, 'y')}px)`;
  }

  /** @param {any} u */
  zoom(u) {
    const { left, width } = u.select;
    if (width < 4) return;
    const range = /** @type {[number, number]} */ ([u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]);
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.group.setRange(range);
  }

  /** The line of the slider: an element of its own, so that moving it redraws nothing. */
  placeMark() {
    const { step, x } = this.group;
    const scale = this.plot?.scales.x;
    const first = this.painted.find(({ curve }) => curve.xs.length > 0);
    const place = step === null || x === STEP_AXIS ? step : x.isSorted && first ? first.curve.xs[countBelow(first.line.series.steps, step, true) - 1] : null;
    const inside = place !== null && place !== undefined && scale && scale.min !== null && place >= scale.min && place <= scale.max;
    this.mark.hidden = !inside;
    if (inside) this.mark.style.transform = `translateX(${this.plot.valToPos(place, 'x')}px)`;
  }
}

/** The end of a time axis, growing in steps. @param {number} seconds */
const stepEndOfTime = (seconds) => (seconds > 0 ? Math.max(1e-3, linearRange(0, seconds, null)[1]) : 1);
