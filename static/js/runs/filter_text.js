/** The text of a filter: what could stand at the caret, and filters made of values. The server alone judges what a filter means. */

/** @typedef {{name: string, kind: string, operators: string[], values: string[], sortable: boolean, groupable: boolean}} Field */
/** @typedef {{kind: 'word' | 'quoted' | 'sign' | 'open' | 'close' | 'comma', text: string, at: number, end: number}} Token */
/** @typedef {{text: string, note: string}} Suggestion */

const SIGN = /^(!=|<=|>=|[=<>~])/;

/** The tokens of a filter as the server splits it; a quote without its end goes on to the end. @param {string} text @returns {Token[]} */
export function tokensOf(text) {
  /** @type {Token[]} */
  const tokens = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const blank = /^\s+/.exec(rest);
    if (blank) {
      at += blank[0].length;
      continue;
    }
    const sign = SIGN.exec(rest);
    const quoted = /^(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/.exec(rest);
    const word = /^[^\s()=!<>~,"']+/.exec(rest);
    const kinds = /** @type {const} */ ({ '(': 'open', ')': 'close', ',': 'comma' });
    const found = sign?.[0] ?? quoted?.[0] ?? word?.[0] ?? rest[0];
    tokens.push({ kind: sign ? 'sign' : quoted ? 'quoted' : (kinds[rest[0]] ?? 'word'), text: found, at, end: at + found.length });
    at += found.length;
  }
  return tokens;
}

/** A value as a filter writes it: bare where that means the same, else in quotes. @param {any} value */
export function writeValue(value) {
  if (value === null || value === undefined) return 'none';
  if (typeof value !== 'string') return String(value);
  const isBare = /^[A-Za-z][^\s()=!<>~,"']*$/.test(value) && !/^(and|or|not|in|none|NaN|Infinity)$/i.test(value);
  return isBare ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Whether a text is meant as words to search for and not as a filter. @param {string} text */
export const isSearch = (text) => !/[=<>~]|\bin\s*\(/.test(text);

/** The filter that searches names, notes and beginnings of ids. @param {string} words */
function searchFilter(words) {
  const text = `"${words.replace(/["\\]/g, '\\$&')}"`;
  const digits = words.replace(/-/g, '');
  const byId = /^[0-9a-f]{4,32}$/i.test(digits) ? ` or id = ${words}` : '';
  return `name ~ ${text} or note ~ ${text}${byId}`;
}

/** Filters that must all hold, as one. @param {string[]} filters @returns {string} */
export function allOf(filters) {
  const given = filters.filter((filter) => filter.trim() !== '');
  return given.length > 1 ? given.map((filter) => `(${filter})`).join(' and ') : (given[0] ?? '');
}

/** What a text in the box asks the server. @param {string} text */
export const filterOf = (text) => (text.trim() === '' ? '' : isSearch(text) ? searchFilter(text.trim()) : text);

/**
 * What could stand at the caret.
 * @param {string} text @param {number} caret @param {Field[]} fields
 * @returns {{from: number, to: number, items: Suggestion[]}} the part of the text that a suggestion takes the place of
 */
export function suggest(text, caret, fields) {
  const before = tokensOf(text.slice(0, caret));
  const last = before[before.length - 1];
  const isOpen = last !== undefined && last.end === caret && (last.kind === 'word' || last.kind === 'quoted');
  const part = isOpen ? last.text.replace(/^["']/, '') : '';
  if (isOpen) before.pop();
  const { wants, field } = stateAfter(before, fields);
  const near = /** @param {string} candidate */ (candidate) => candidate.toLowerCase().includes(part.toLowerCase());
  // What begins so comes first, then the names below config and summary that begin so.
  const first = /** @param {string} candidate */ (candidate) => {
    const [whole, wanted] = [candidate.toLowerCase(), part.toLowerCase()];
    return whole.startsWith(wanted) ? 0 : whole.includes(`.${wanted}`) ? 1 : 2;
  };
  const named = /** @param {string[]} texts @param {(text: string) => string} note */ (texts, note) =>
    texts.filter(near).sort((a, b) => first(a) - first(b)).map((name) => ({ text: name, note: note(name) }));
  const notes = new Map(fields.map((known) => [known.name, NOTES[known.kind] ?? '']));
  /** @type {Suggestion[]} */
  let items = [];
  if (wants === 'field') items = [...named(fields.map((known) => known.name), (name) => notes.get(name) ?? ''), ...named(part ? ['not'] : [], () => 'the contrary')];
  else if (wants === 'sign') items = named([...(field?.operators ?? ['=', '!=', '~', '<', '<=', '>', '>=']), ...(part ? ['not in'] : [])], (sign) => SIGNS[sign] ?? '');
  else if (wants === 'value') items = valuesOf(field).filter((item) => near(item.text));
  else if (wants === 'connective') items = named(['and', 'or'], (word) => (word === 'and' ? 'both must hold' : 'one is enough'));
  return { from: isOpen ? last.at : caret, to: caret, items: items.slice(0, 100) };
}

/** @type {Record<string, string>} */
const NOTES = { text: 'text', choice: 'state', whole: 'number', time: 'time', id: 'id', flag: 'true or false', tags: 'tags', config: 'config', summary: 'result' };
/** @type {Record<string, string>} */
const SIGNS = { '=': 'is', '!=': 'is not', '~': 'contains', '<': 'less than', '<=': 'at most', '>': 'more than', '>=': 'at least', in: 'one of (…)', 'not in': 'none of (…)' };

/** @param {Field | undefined} field @returns {Suggestion[]} */
function valuesOf(field) {
  if (!field) return [];
  if (field.kind === 'time') return ['1h', '24h', '7d', '30d'].map((text) => ({ text, note: 'ago' }));
  const none = field.kind === 'tags' || field.name === 'sweep' || field.name === 'parent' ? [{ text: 'none', note: '' }] : [];
  return [...field.values.map((value) => ({ text: writeValue(value), note: '' })), ...none];
}

/** What the text after these tokens must go on with. @param {Token[]} tokens @param {Field[]} fields */
function stateAfter(tokens, fields) {
  /** @type {'field' | 'sign' | 'value' | 'open' | 'listed' | 'connective'} */
  let wants = 'field';
  /** @type {Field | undefined} */
  let field;
  let inList = false;
  for (const { kind, text } of tokens) {
    const word = kind === 'word' ? text.toLowerCase() : '';
    if (wants === 'field') {
      if (kind === 'word' && word !== 'not') {
        field = fields.find((known) => known.name === text);
        wants = 'sign';
      }
    } else if (wants === 'sign') {
      if (word === 'in') wants = 'open';
      else if (kind === 'sign') wants = 'value';
    } else if (wants === 'open') {
      if (kind === 'open') {
        inList = true;
        wants = 'value';
      }
    } else if (wants === 'value') wants = inList ? 'listed' : 'connective';
    else if (wants === 'listed') {
      if (kind === 'comma') wants = 'value';
      else if (kind === 'close') {
        inList = false;
        wants = 'connective';
      }
    } else if (word === 'and' || word === 'or') wants = 'field';
  }
  return { wants, field };
}
