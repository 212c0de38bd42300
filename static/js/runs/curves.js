/** The small curves of the rows that are looked at: read for all of them at once, and again while their runs go on. */
import { get } from '../api.js';
import { armStyle, inCardOrder } from '../arms.js';
import { Spark } from '../charts/spark.js';
import { toNumber } from '../format.js';
import { html, useEffect, useMemo, useRef, useState } from '../html.js';
import { useDark } from '../theme.js';

/** Points of a small curve. */
const POINTS = 40;
/** Between two looks at runs that go on. */
const AGAIN_MS = 3000;
/** After scrolling has rested. */
const REST_MS = 150;
/** Curves kept of rows that are not looked at any more. */
const MOST_CURVES = 1000;
const HEIGHT = 24;

/** @typedef {{metric: string, total: number | null, series: {arm: string | null, steps: number[], values: number[]}[]}} Curve */

/** The metric that tells most of a run: the first of a panel that has a better side. @param {import('../types.js').Card} card */
export function tellingMetric(card) {
  const shown = card.panels.filter((panel) => panel.kind === 'series').flatMap((panel) => panel.metrics ?? []);
  return shown.find((name) => card.metrics.some((metric) => metric.name === name && metric.better !== null)) ?? shown[0] ?? card.metrics[0]?.name ?? '';
}

/**
 * The curves of the runs looked at, by id.
 * @param {import('../types.js').Run[]} runs looked at @param {import('../types.js').Card[]} cards @param {boolean} wanted
 * @returns {Map<string, Curve>} the same map with another identity after each change
 */
export function useCurves(runs, cards, wanted) {
  const known = useRef(/** @type {Map<string, {curve: Curve, step: number, asked: number}>} */ (new Map()));
  const [curves, setCurves] = useState(/** @type {Map<string, Curve>} */ (new Map()));
  const looked = useRef(runs);
  looked.current = runs;
  const news = runs.map((run) => `${run.id}${run.progress.step}${run.status}`).join();
  const timer = useRef({ id: 0, at: Infinity });
  useEffect(() => () => clearTimeout(timer.current.id), []);
  useEffect(() => {
    if (!wanted || cards.length === 0 || runs.length === 0) return;
    const now = performance.now();
    const due = (run) => {
      const here = known.current.get(run.id);
      return !here ? 0 : here.step === run.progress.step ? Infinity : here.asked + AGAIN_MS;
    };
    const at = Math.max(now + REST_MS, Math.min(...runs.map(due)));
    // News come faster than they are asked for; an earlier look stands.
    if (at === Infinity || timer.current.at <= at) return;
    clearTimeout(timer.current.id);
    timer.current.at = at;
    timer.current.id = setTimeout(async () => {
      timer.current.at = Infinity;
      const then = performance.now();
      const asked = looked.current.filter((run) => {
        const here = known.current.get(run.id);
        return !here || (here.step !== run.progress.step && here.asked + AGAIN_MS <= then);
      });
      /** @type {Map<string, import('../types.js').Run[]>} */
      const byMetric = new Map();
      for (const run of asked) {
        const card = cards.find((one) => one.id === run.experiment);
        if (card) byMetric.set(tellingMetric(card), [...(byMetric.get(tellingMetric(card)) ?? []), run]);
      }
      const found = await Promise.all([...byMetric].map(async ([metric, of]) => {
        const ids = of.slice(0, 200).map((run) => run.id).join(',');
        const answer = await get(`/api/v1/runs/curves?runs=${ids}&names=${encodeURIComponent(metric)}&points=${POINTS}&times=false`).catch(() => ({ items: [] }));
        return { metric, of, items: answer.items };
      }));
      for (const { metric, of, items } of found) {
        for (const run of of) {
          const item = items.find((one) => one.run === run.id);
          const series = (item?.series ?? []).map(({ arm, steps, values }) => ({ arm, steps, values: values.map(toNumber) }));
          known.current.delete(run.id);
          known.current.set(run.id, { curve: { metric, total: run.progress.total, series }, step: run.progress.step, asked: then });
        }
      }
      for (const id of known.current.keys()) {
        if (known.current.size <= MOST_CURVES) break;
        known.current.delete(id);
      }
      setCurves(new Map([...known.current].map(([id, { curve }]) => [id, curve])));
    }, at - now);
  }, [wanted, cards, news]);
  return curves;
}

/** @param {{card?: import('../types.js').Card, curve?: Curve}} props */
export function RunSpark({ card, curve }) {
  const dark = useDark();
  const lines = useMemo(() => {
    if (!card || !curve) return [];
    const arms = inCardOrder(card.arms, curve.series.map((series) => series.arm));
    return arms.flatMap((arm) => curve.series.filter((series) => series.arm === arm).map(({ steps, values }) => ({ steps, values, style: armStyle(card.arms, arm) })));
  }, [card, curve, dark]);
  return html`<span class="run-spark">${curve && curve.series.length > 0 && html`<${Spark} lines=${lines} total=${curve.total} height=${HEIGHT} label=${`${curve.metric} so far`} />`}</span>`;
}
