/** One panel of curves: chart, scale switches, and a legend whose numbers follow the crosshair. */
import { armStyle, armTitle, armsOfRun, inCardOrder } from '../arms.js';
import { chartSvg } from '../charts/chart_picture.js';
import { LineChart } from '../charts/line_chart.js';
import { STEP_AXIS } from '../charts/x_axis.js';
import { SavePicture } from '../charts/save_picture.js';
import { formatExact, formatValue } from '../format.js';
import { html, useEffect, useRef } from '../html.js';
import { useQuery } from '../router.js';
import { useDark } from '../theme.js';
import { DetailReader } from './detail.js';
import { seriesKey, TERMINAL } from './run_data.js';
import { useGroupTopics, useRunTopics } from './watch.js';

export const CHART_HEIGHT = 220;

/** Dashes that tell the second, third, … metric of a panel apart. @type {number[][]} */
const METRIC_DASHES = [[], [4, 3], [1, 3], [8, 3, 1, 3]];

/** Lines named in a legend; a panel of more is read by pointing at it. */
const MOST_NAMED = 24;

/**
 * The lines of a panel: every metric of every arm that it shows and that has data in this run. Until a metric has two points the arms
 * that may come are listed too, so that nothing jumps when they do.
 * @param {import('../types.js').Card} card @param {import('../types.js').Panel} panel @param {import('./run_data.js').RunData} data
 */
function panelLines(card, panel, data) {
  const expected = armsOfRun(card, data.run?.config ?? {});
  const metrics = panel.metrics ?? [];
  const allowed = (arm) => !panel.arms?.length || (arm !== null && panel.arms.includes(arm));
  const ended = TERMINAL.has(data.run?.status ?? '');
  return metrics.flatMap((name, index) => {
    const recorded = data.seriesOf.get(name) ?? [];
    const seen = recorded.map((series) => series.arm);
    const waiting = !ended && !recorded.some((series) => series.arm === null || series.steps.length > 1);
    const arms = inCardOrder(card.arms, [...seen, ...(waiting ? expected : [])]).filter((arm) => allowed(arm) || seen.includes(null));
    return arms.map((arm) => {
      const style = () => {
        const base = armStyle(card.arms, arm);
        if (metrics.length === 1) return base;
        return { ...base, dash: METRIC_DASHES[index % METRIC_DASHES.length], width: Math.max(1, base.width - index * 0.5) };
      };
      const title = card.metrics.find((metric) => metric.name === name)?.title ?? name;
      const label = arm === null ? title : metrics.length === 1 ? armTitle(card.arms, arm) : `${armTitle(card.arms, arm)} · ${title}`;
      const key = seriesKey(name, arm);
      return { key, name, arm, label, style, series: data.findSeries(name, arm) ?? null, before: data.before?.series.get(key) ?? null };
    });
  });
}

/** When the numbers of a legend are next written: at most once a frame. @param {() => void} write */
function oncePerFrame(write) {
  let frame = 0;
  return () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      write();
    });
  };
}

/**
 * @param {{card: import('../types.js').Card, panel: import('../types.js').Panel, data: import('./run_data.js').RunData,
 *   group: import('../charts/group.js').ChartGroup}} props
 */
export function SeriesPanel({ card, panel, data, group }) {
  useDark();
  useRunTopics(data, 'series');
  useGroupTopics(group, 'arms', 'x');
  const [yScale, setYScale] = useQuery(`y.${panel.id}`, panel.y_log ? 'log' : 'lin');
  const [xScale, setXScale] = useQuery(`x.${panel.id}`, panel.x_log ? 'log' : 'lin');
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const chart = useRef(/** @type {LineChart | null} */ (null));
  const cursor = useRef(/** @type {number | null} */ (null));
  const numbers = useRef(/** @type {Map<string, HTMLElement>} */ (new Map()));
  const lines = panelLines(card, panel, data);
  const latest = useRef(lines);
  latest.current = lines;

  /** Numbers change far more often than anything else, so they are written past the view library. */
  const writeNumbers = () => {
    const at = cursor.current;
    for (const { key, name, series, style, before } of latest.current) {
      const cell = numbers.current.get(key);
      if (!cell) continue;
      let value = series?.lastValue;
      if (series && at !== null) value = chart.current?.valueAt({ key, series, style, before }, at);
      else if (series && group.step !== null) value = series.valueAt(group.step) ?? before?.valueAt(group.step);
      const text = value === undefined ? '–' : formatValue(value, name);
      if (cell.textContent !== text) cell.textContent = text;
      cell.title = value === undefined ? '' : formatExact(value);
    }
  };

  useEffect(() => {
    if (!root.current) return undefined;
    const reader = new DetailReader(data);
    /** Of a fork, once what came before is read. @type {DetailReader | null} */
    let readerBefore = null;
    const look = (/** @type {import('../charts/line_chart.js').View} */ view) => {
      const shown = made.shownLines();
      reader.look(shown.map((line) => line.series), group.x, view);
      if (!data.before || group.x !== STEP_AXIS) return;
      readerBefore ??= new DetailReader(data.before);
      readerBefore.look(shown.flatMap((line) => line.before ?? []), group.x, view);
    };
    const writeSoon = oncePerFrame(writeNumbers);
    const made = new LineChart(root.current, {
      group,
      height: CHART_HEIGHT,
      xLog: xScale === 'log',
      yLog: yScale === 'log',
      lastStep: () => data.lastStep,
      forkedStep: () => data.run?.forked_step ?? null,
      onCursor: (x) => {
        if (x === cursor.current) return;
        cursor.current = x;
        writeSoon();
      },
      onView: look,
    });
    chart.current = made;
    const stops = [
      data.on('points', () => {
        made.redraw();
        if (cursor.current === null && group.step === null) writeNumbers();
      }),
      group.on('step', writeNumbers),
    ];
    return () => {
      stops.forEach((stop) => stop());
      reader.stop();
      readerBefore?.stop();
      made.destroy();
      chart.current = null;
    };
  }, [data, group, panel.id]);

  useEffect(() => {
    chart.current?.setLines(lines.flatMap((line) => (line.series ? [{ key: line.key, series: line.series, style: line.style, before: line.before }] : [])));
    writeNumbers();
  });
  useEffect(() => chart.current?.setScales(xScale === 'log', yScale === 'log'), [xScale, yScale]);

  const namedLines = () => latest.current.flatMap(({ label, series, style }) => (series ? [{ label, series, style }] : []));
  const metric = card.metrics.find((known) => known.name === panel.metrics?.[0]);
  const arms = [...new Set(lines.map((line) => line.arm))].filter((arm) => arm !== null);
  const empty = lines.every((line) => !line.series);
  return html`<section class="panel" aria-label=${panel.title}>
    <header>
      <h3 title=${panel.title} dir="auto">${panel.title}</h3>
      <span class="quiet">${metric?.unit}${metric?.better === 'up' ? ' ↑ better' : metric?.better === 'down' ? ' ↓ better' : ''}</span>
      <span class="tools">
        <button class="mini" aria-pressed=${yScale === 'log'} title="Logarithmic vertical axis" onClick=${() => setYScale(yScale === 'log' ? 'lin' : 'log')}>log y</button>
        <button class="mini" aria-pressed=${xScale === 'log'} title="Logarithmic horizontal axis" onClick=${() => setXScale(xScale === 'log' ? 'lin' : 'log')}>log x</button>
      </span>
    </header>
    <div class="chart" ref=${root} style=${{ height: `${CHART_HEIGHT}px` }} tabindex="0" role="group"
      aria-label=${`Curves of ${panel.title} over ${group.x.title}. Plus and minus zoom, the arrows move, 0 shows the whole run.`}>
      ${empty && html`<p class="chart-empty">The curve starts with the first point.</p>`}
    </div>
    <ul class=${(panel.metrics?.length ?? 0) > 1 ? 'legend one' : 'legend'}>
      ${lines.slice(0, MOST_NAMED).map((line) => {
        const { color, dash, width } = line.style();
        const hidden = line.arm !== null && group.hidden.has(line.arm);
        const { arm } = line;
        const odd = line.series?.firstOdd ?? null;
        return html`<li key=${line.key}>
          <button
            class="legend-line"
            disabled=${arm === null}
            aria-pressed=${!hidden}
            title=${arm === null ? line.name : `${arm}: click hides it everywhere, double click shows it alone`}
            onClick=${() => arm !== null && group.toggleArm(arm)}
            onDblClick=${() => arm !== null && group.isolateArm(arm, arms)}
          >
            <svg width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke=${color} stroke-width=${width} stroke-dasharray=${dash.join(' ')} /></svg>
            <span class="legend-name" dir="auto">${line.label}</span>
            ${odd !== null && html`<span class="odd" title=${`not a finite number from step ${odd}; NaN is marked ×, infinities ▲ and ▼`}>× ${odd}</span>`}
            <span class="number" ref=${(cell) => (cell ? numbers.current.set(line.key, cell) : numbers.current.delete(line.key))}></span>
          </button>
        </li>`;
      })}
      ${lines.length > MOST_NAMED && html`<li class="quiet">and ${lines.length - MOST_NAMED} more</li>`}
    </ul>
    <${SavePicture} name=${`${card.id}-${panel.id}`} make=${() => (chart.current?.plot ? chartSvg(chart.current, panel.title, metric?.unit ?? '', namedLines()) : null)} />
  </section>`;
}
