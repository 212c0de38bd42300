/** The frames of a panel as a picture of their own: drawn by the code that draws them on the page, with title, captions and legends. */
import { inks } from '../theme.js';
import { drawFrame, legendOf } from './draw.js';
import { SvgContext } from './svg_context.js';

const [MARGIN, HEAD, CAPTION, LEGEND_LINE, GAP] = [16, 40, 20, 18, 20];
/** Size of one frame without caption and legend, and how many stand beside each other. */
const [WIDTH, HEIGHT, MOST_BESIDE] = [640, 380, 2];

/** @typedef {import('./draw.js').Shown & {asGraph: boolean, caption: string}} Part for an image `frame` is its address, as a `data:` one, and its size */

/** @param {SvgContext} context @param {number} x @param {number} y @param {import('./draw.js').LegendRow['mark']} mark @param {{color: string, dash: number[]}} style */
function drawMark(context, x, y, mark, { color, dash }) {
  context.strokeStyle = color;
  context.fillStyle = color;
  context.lineWidth = mark === 'outline' ? 1 : 1.5;
  if (mark === 'bar') context.fillRect(x + 6, y - 4, 8, 8);
  else if (mark === 'outline') context.strokeRect(x + 6.5, y - 3.5, 7, 7);
  else {
    context.setLineDash(mark === 'line' ? dash : []);
    context.beginPath();
    if (mark === 'point') context.arc(x + 10, y, 3);
    else {
      context.moveTo(x, y);
      context.lineTo(x + 20, y);
    }
    if (mark === 'point') context.fill();
    else context.stroke();
    context.setLineDash([]);
  }
}

/** Draws the legend in lines below a frame and returns where it ends. @param {SvgContext} context @param {Part} part @param {import('../types.js').Arm[]} arms */
function drawLegend(context, part, arms) {
  const ink = inks();
  context.font = ink.font;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  let [x, y] = [0, HEIGHT + LEGEND_LINE];
  const rows = legendOf(part, arms);
  for (const { label, word, mark, style } of rows) {
    const text = word ? `${label} (${word})` : label;
    const width = (style ? 26 : 0) + context.measureText(text).width;
    if (x > 0 && x + width > WIDTH) [x, y] = [0, y + LEGEND_LINE];
    if (style) drawMark(context, x, y, mark, style);
    context.fillStyle = ink.axis;
    context.fillText(text, x + (style ? 26 : 0), y);
    x += width + 16;
  }
  return rows.length > 0 ? y + LEGEND_LINE / 2 : HEIGHT;
}

/** An image as large as the place allows. @param {SvgContext} context @param {{href: string, width: number, height: number}} image */
function drawImage(context, { href, width, height }) {
  const scale = Math.min(WIDTH / width, HEIGHT / height);
  const [wide, tall] = [width * scale, height * scale];
  context.add(`image x="${(WIDTH - wide) / 2}" y="${(HEIGHT - tall) / 2}" width="${wide}" height="${tall}" image-rendering="pixelated" href="${href}"`);
}

/**
 * @param {string} title @param {Part[]} parts @param {import('../types.js').Arm[]} arms @returns {string} SVG
 */
export function framesSvg(title, parts, arms) {
  const ink = inks();
  const drawn = parts.map((part) => {
    const context = new SvgContext();
    if (part.ref.kind === 'image') drawImage(context, part.frame);
    else drawFrame(part, part.asGraph, /** @type {any} */ (context), WIDTH, HEIGHT, arms);
    const height = part.ref.kind === 'image' ? HEIGHT : drawLegend(context, part, arms);
    return { content: context.content, height, caption: part.caption };
  });
  const beside = Math.min(MOST_BESIDE, drawn.length);
  const page = new SvgContext();
  page.textAlign = 'left';
  page.font = ink.font.replace(/^\d+px/, '15px');
  page.fillStyle = ink.ink;
  page.fillText(title, MARGIN, 26);
  page.font = ink.font.replace(/^\d+px/, '12px');
  page.fillStyle = ink.axis;
  let top = HEAD;
  for (let first = 0; first < drawn.length; first += beside) {
    const row = drawn.slice(first, first + beside);
    for (const [index, { content, caption }] of row.entries()) {
      const left = MARGIN + index * (WIDTH + GAP);
      page.fillText(caption, left, top + 12);
      page.elements.push(`<g transform="translate(${left} ${top + CAPTION})">${content}</g>`);
    }
    top += CAPTION + Math.max(...row.map(({ height }) => height)) + GAP;
  }
  const [width, height] = [2 * MARGIN + beside * WIDTH + (beside - 1) * GAP, top];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img"><rect width="${width}" height="${height}" fill="${ink.paper}"/>${page.content}</svg>`;
}

/** An image's bytes as an address that a picture can carry, and its size. @param {string} url @param {boolean} anonymous */
export async function readImage(url, anonymous) {
  const blob = await (await fetch(url, { credentials: anonymous ? 'omit' : 'same-origin' })).blob();
  const href = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  const image = new Image();
  image.src = href;
  await image.decode();
  return { href, width: image.naturalWidth, height: image.naturalHeight };
}
