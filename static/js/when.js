/** Times as elements: in the viewer's zone, or as an age, with the exact UTC one hover away. */
import { formatAge, formatUtc, formatWhen } from './format.js';
import { html } from './html.js';

/** A clock time, with the day unless it is today. @param {{time: string}} props */
export const When = ({ time }) => html`<time datetime=${time} title=${formatUtc(time)}>${formatWhen(time)}</time>`;

/** How long ago. @param {{time: string}} props */
export const Age = ({ time }) => html`<time datetime=${time} title=${formatUtc(time)}>${formatAge(time)}</time>`;
