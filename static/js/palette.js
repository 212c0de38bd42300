/**
 * The colours of arms, in the order of the card: after the palette of Okabe and Ito, darkened on light paper until each stands out from it by
 * a contrast of 3 (WCAG 2.2, 1.4.11) and no two look the same to eyes without one kind of cones.
 */
export const ON_LIGHT = ['#0072b2', '#d55e00', '#009e73', '#b36a9e', '#795215', '#018fff', '#51545b'];
export const ON_DARK = ['#3f98d8', '#f0803c', '#2fc397', '#eaa3cd', '#f0b429', '#93d5ff', '#838b98'];

/** What belongs to no arm is drawn in ink. */
export const WHOLE_ON_LIGHT = '#1a1d21';
export const WHOLE_ON_DARK = '#e6e8eb';

/** A second code beside colour: lengths of dash and gap in CSS pixels; the first arm is a full line. @type {number[][]} */
export const DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3], [5, 2], [1, 3], [12, 4]];
