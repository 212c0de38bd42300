/** A card made from what a run has recorded, for runs whose experiment is not in this catalogue. */
import { useEffect, useState } from '../html.js';

const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');

/** Names that depend on the clock or the machine. @param {string} name */
export const isClockName = (name) => /^(time|throughput|system)\//.test(name);

/** A panel for a metric that no panel of the card shows. @param {string} name @returns {import('../types.js').Panel} */
export function panelFor(name) {
  const [family] = name.split('/');
  return { id: `auto.${name}`, title: name, kind: 'series', section: titled(family), metrics: [name] };
}

/** A panel for pictures that no panel of the card shows. @param {string} name @returns {import('../types.js').Panel} */
export const framePanelFor = (name) => ({ id: `frame.${name}`, title: titled(name), kind: 'frame', section: 'Pictures', frame: name });

/** @param {string} experiment @param {import('./run_data.js').RunData} data @returns {import('../types.js').Card} */
function bareCard(experiment, data) {
  const series = [...data.series.values()];
  const arms = [...new Set(series.map((one) => one.arm))].filter((arm) => arm !== null);
  return {
    id: experiment,
    title: experiment,
    summary: '',
    presets: [],
    arms: arms.map((id) => ({ id: String(id), title: String(id), baseline: false })),
    metrics: [],
    panels: [...data.frames.keys()].map(framePanelFor),
    claims: [],
    datasets: [],
  };
}

/**
 * The card of a run, or one made from its data as long as there is none.
 * @param {import('../types.js').Card | null} card @param {import('./run_data.js').RunData} data @returns {import('../types.js').Card}
 */
export function useCardOrBare(card, data) {
  const [bare, setBare] = useState(() => bareCard(data.run?.experiment ?? '', data));
  useEffect(() => {
    if (card) return undefined;
    const make = () => setBare(bareCard(data.run?.experiment ?? '', data));
    make();
    const stops = [data.on('series', make), data.on('frames', make)];
    return () => stops.forEach((stop) => stop());
  }, [card, data]);
  return card ?? bare;
}
