/** A drawing context that writes SVG: what is drawn on a canvas can be drawn on it by the same code, and saved. */

/** Baselines as parts of the font's size below the given place. @type {Record<string, number>} */
const DROP = { top: 0.8, middle: 0.35, bottom: -0.2, alphabetic: 0 };
/** @type {Record<string, string>} */
const ANCHOR = { left: 'start', start: 'start', center: 'middle', right: 'end', end: 'end' };

const escaped = (/** @type {string} */ text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
/** Hundredths of a pixel are enough for any screen and most prints. @param {number} value */
const short = (value) => String(+value.toFixed(2));

/** A colour as an attribute; one with transparency as two, which every program can read. @param {'fill' | 'stroke'} name @param {string} color */
function paint(name, color) {
  const match = /^(#[0-9a-f]{6})([0-9a-f]{2})$/i.exec(color);
  return match ? `${name}="${match[1]}" ${name}-opacity="${short(parseInt(match[2], 16) / 255)}"` : `${name}="${escaped(color)}"`;
}

let clips = 0;

/** The part of `CanvasRenderingContext2D` that the frames draw with. */
export class SvgContext {
  constructor() {
    /** @type {string[]} */
    this.elements = [];
    this.path = '';
    /** @type {any[]} */
    this.saved = [];
    this.state = { transform: '', clip: '', dash: /** @type {number[]} */ ([]) };
    this.fillStyle = '#000000';
    this.strokeStyle = '#000000';
    this.lineWidth = 1;
    this.globalAlpha = 1;
    this.font = '10px sans-serif';
    this.textAlign = 'start';
    this.textBaseline = 'alphabetic';
    this.lineJoin = 'miter';
    this.lineCap = 'butt';
    this.imageSmoothingEnabled = true;
    this.ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement('canvas').getContext('2d'));
  }

  /** What has been drawn, as elements of SVG. */
  get content() {
    return this.elements.join('');
  }

  /** @param {string} element without its end @param {string} [inner] */
  add(element, inner) {
    const { transform, clip } = this.state;
    const alpha = this.globalAlpha < 1 ? ` opacity="${short(this.globalAlpha)}"` : '';
    const name = element.slice(0, element.indexOf(' '));
    const whole = `<${element}${alpha}${transform ? ` transform="${transform}"` : ''}${inner === undefined ? '/>' : `>${inner}</${name}>`}`;
    this.elements.push(clip ? `<g clip-path="url(#${clip})">${whole}</g>` : whole);
  }

  get pen() {
    const { dash } = this.state;
    return `fill="none" ${paint('stroke', this.strokeStyle)} stroke-width="${short(this.lineWidth)}"${dash.length > 0 ? ` stroke-dasharray="${dash.join(' ')}"` : ''} stroke-linejoin="${this.lineJoin}" stroke-linecap="${this.lineCap}"`;
  }

  save() {
    const { state, fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline } = this;
    this.saved.push({ state: { ...state }, fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline });
  }

  restore() {
    Object.assign(this, this.saved.pop());
  }

  /** @param {number} x @param {number} y */
  translate(x, y) {
    this.state.transform = `${this.state.transform} translate(${short(x)} ${short(y)})`.trim();
  }

  /** @param {number} angle radians */
  rotate(angle) {
    this.state.transform = `${this.state.transform} rotate(${short((angle * 180) / Math.PI)})`.trim();
  }

  /** @param {number[]} dash */
  setLineDash(dash) {
    this.state.dash = dash;
  }

  clip() {
    clips += 1;
    this.elements.push(`<clipPath id="clip-${clips}"><path d="${this.path}"/></clipPath>`);
    this.state.clip = `clip-${clips}`;
  }

  beginPath() {
    this.path = '';
  }

  closePath() {
    this.path += 'Z';
  }

  moveTo(x, y) {
    this.path += `M${short(x)} ${short(y)}`;
  }

  lineTo(x, y) {
    this.path += `${this.path ? 'L' : 'M'}${short(x)} ${short(y)}`;
  }

  rect(x, y, width, height) {
    this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}Z`;
  }

  /** A whole circle; frames draw no part of one. @param {number} x @param {number} y @param {number} radius @param {...number} _angles */
  arc(x, y, radius, ..._angles) {
    const [r, across] = [short(radius), short(2 * radius)];
    this.path += `M${short(x - radius)} ${short(y)}a${r} ${r} 0 1 0 ${across} 0a${r} ${r} 0 1 0 -${across} 0Z`;
  }

  stroke() {
    if (this.path) this.add(`path d="${this.path}" ${this.pen}`);
  }

  fill() {
    if (this.path) this.add(`path d="${this.path}" ${paint('fill', this.fillStyle)}`);
  }

  fillRect(x, y, width, height) {
    this.add(`rect x="${short(x)}" y="${short(y)}" width="${short(Math.max(0, width))}" height="${short(Math.max(0, height))}" ${paint('fill', this.fillStyle)}`);
  }

  strokeRect(x, y, width, height) {
    this.add(`rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" ${this.pen}`);
  }

  /** @param {string} text */
  measureText(text) {
    this.ruler.font = this.font;
    return this.ruler.measureText(text);
  }

  /** @param {string} text @param {number} x @param {number} y @param {number} [most] width at most */
  fillText(text, x, y, most = Infinity) {
    const [, size, family] = /([\d.]+)px (.*)/.exec(this.font) ?? ['', '10', 'sans-serif'];
    const squeezed = this.measureText(text).width > most ? ` textLength="${short(most)}" lengthAdjust="spacingAndGlyphs"` : '';
    const top = y + Number(size) * (DROP[this.textBaseline] ?? 0);
    this.add(`text x="${short(x)}" y="${short(top)}" font-size="${size}" font-family="${escaped(family)}" text-anchor="${ANCHOR[this.textAlign]}" ${paint('fill', this.fillStyle)}${squeezed}`, escaped(text));
  }

  /** @param {HTMLCanvasElement} image @param {number} x @param {number} y @param {number} width @param {number} height */
  drawImage(image, x, y, width, height) {
    const sharp = this.imageSmoothingEnabled ? '' : ' image-rendering="pixelated"';
    this.add(`image x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" preserveAspectRatio="none"${sharp} href="${image.toDataURL()}"`);
  }
}
