/** Hooks by which components draw again when their part of a run, or of the shared view, has changed. */
import { useEffect, useState } from '../html.js';

/** @param {import('./run_data.js').RunData | null} data @param {...import('./run_data.js').Topic} topics */
export function useRunTopics(data, ...topics) {
  const [, again] = useState(0);
  useEffect(() => {
    if (!data) return undefined;
    const stops = topics.map((topic) => data.on(topic, () => again((n) => n + 1)));
    // Something may have been told between the first drawing and now.
    again((n) => n + 1);
    return () => stops.forEach((stop) => stop());
  }, [data]);
}

/** @param {import('../charts/group.js').ChartGroup} group @param {...import('../charts/group.js').Topic} topics */
export function useGroupTopics(group, ...topics) {
  const [, again] = useState(0);
  useEffect(() => {
    const stops = topics.map((topic) => group.on(topic, () => again((n) => n + 1)));
    return () => stops.forEach((stop) => stop());
  }, [group]);
}
