/** Times as elements: in the viewer's zone, or as an age, with the exact UTC one hover away. */
import { formatAge, formatUtc, formatWhen } from './format.js';
import { html } from './html.js';

/** @param {{time: string | Date, text: string}} props */
const Time = ({ time, text }) => html`<time datetime=${new Date(time).toISOString()} title=${formatUtc(time)}>${text}</time>`;

/** A clock time, with the day unless it is today. @param {{time: string | Date}} props */
export const When = ({ time }) => html`<${Time} time=${time} text=${formatWhen(time)} />`;

/** How long ago. @param {{time: string | Date}} props */
export const Age = ({ time }) => html`<${Time} time=${time} text=${formatAge(time)} />`;

/** A clock time of today, to the second. @param {{time: Date}} props */
export const Clock = ({ time }) => html`<${Time} time=${time} text=${time.toLocaleTimeString('en-GB')} />`;
