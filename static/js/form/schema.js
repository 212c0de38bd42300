/** Reads a config's JSON Schema: its fields with their ranges and choices, the groups they stand in, and their defaults. */

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} title
 * @property {string} help
 * @property {'boolean' | 'integer' | 'number' | 'choice' | 'choices' | 'list' | 'text' | 'json'} kind
 * @property {any[]} options of a choice, or of the items of choices
 * @property {any} initial the default, `undefined` where there is none
 * @property {string} range as text, empty where there is none
 * @property {boolean} nullable
 * @property {string} group
 * @property {boolean} forkable whether it may change at a fork
 */

/** Follows `$ref` and a lone `allOf`. @param {any} schema @param {any} root @returns {any} */
export function resolve(schema, root) {
  let at = schema ?? {};
  for (let depth = 0; depth < 20; depth += 1) {
    if (typeof at.$ref === 'string' && at.$ref.startsWith('#')) {
      const target = at.$ref.slice(2).split('/').reduce((node, part) => node?.[part.replace(/~1/g, '/').replace(/~0/g, '~')], root);
      const { $ref, ...beside } = at;
      at = { ...target, ...beside };
    } else if (at.allOf?.length === 1) {
      const { allOf, ...beside } = at;
      at = { ...resolve(allOf[0], root), ...beside };
    } else return at;
  }
  return at;
}

/** The kinds of a config that is a union tagged by `kind`, with their titles; empty where it has none. @param {any} schema */
export function kindsOf(schema) {
  return (schema?.oneOf ?? []).flatMap((branch) => {
    const resolved = resolve(branch, schema);
    const kind = resolved.properties?.kind?.const;
    return kind === undefined ? [] : [{ kind, title: resolved.title ?? kind, schema: resolved }];
  });
}

/** The part of a schema that a config's `kind` chooses: the whole where there are no kinds. @param {any} schema @param {any} config */
export function branchOf(schema, config) {
  const kinds = kindsOf(schema);
  if (kinds.length === 0) return schema ?? {};
  return (kinds.find(({ kind }) => kind === config?.kind) ?? kinds[0]).schema;
}

/** Names that the field's words put into one group; the rest is the model. @type {[string, RegExp][]} */
const GROUPS = [
  ['Compared systems', /^(arms|custom|baselines?)$/],
  ['Data', /^(dataset|datasets|data_.*|train_samples|test_samples|validation_.*|.*_samples|encoder|tasks?|classes|patterns|corruption.*)$/],
  ['Training', /(^|_)(learning_rate|learning_rates|learning_rate_choices|weight_decay|batch_size|epochs|steps|optimi[sz]er|momentum|schedule|warmup.*|sweeps|iterations|replicas|trials|probes)$/],
];
export const GROUP_ORDER = ['Compared systems', 'Data', 'Training', 'Model'];

/** @param {string} name @param {any} schema */
function groupOf(name, schema) {
  const named = schema['x-group'] ?? schema.group ?? schema.section;
  if (typeof named === 'string') return named;
  return GROUPS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'Model';
}

/** Values that a schema lists, by `enum` or by `oneOf` of constants; `null` where it lists none. @param {any} schema @param {any} root */
function choicesOf(schema, root) {
  if (Array.isArray(schema.enum)) return schema.enum;
  const options = (schema.oneOf ?? schema.anyOf)?.map((option) => resolve(option, root));
  if (options?.length && options.every((option) => 'const' in option || option.enum)) {
    return options.flatMap((option) => option.enum ?? [option.const]);
  }
  return null;
}

const short = (value) => (Math.abs(value) >= 1e15 ? value.toExponential(0) : String(value));

/** @param {any} schema @returns {string} */
function rangeText(schema) {
  const unsignedEnd = schema.maximum !== undefined && schema.maximum >= 2 ** 53 - 1;
  const high = unsignedEnd ? undefined : schema.maximum;
  const parts = [];
  if (schema.minimum !== undefined && high !== undefined) parts.push(`${short(schema.minimum)} to ${short(high)}`);
  else if (schema.minimum !== undefined) parts.push(`at least ${short(schema.minimum)}`);
  else if (high !== undefined) parts.push(`at most ${short(high)}`);
  if (schema.exclusiveMinimum !== undefined) parts.push(`above ${short(schema.exclusiveMinimum)}`);
  if (schema.exclusiveMaximum !== undefined) parts.push(`below ${short(schema.exclusiveMaximum)}`);
  if (schema.multipleOf !== undefined) parts.push(`a multiple of ${schema.multipleOf}`);
  return parts.join(', ');
}

/** @param {string} name @returns {string} a title for a field that has none */
const titled = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');

/** @param {string} name @param {any} raw @param {any} root @returns {Field} */
function readField(name, raw, root) {
  const outer = resolve(raw, root);
  let schema = outer;
  let nullable = false;
  const options = outer.anyOf ?? outer.oneOf;
  if (options?.some((option) => option.type === 'null')) {
    nullable = true;
    schema = { ...resolve(options.find((option) => option.type !== 'null'), root) };
  } else if (Array.isArray(outer.type)) {
    nullable = outer.type.includes('null');
    schema = { ...outer, type: outer.type.find((type) => type !== 'null') };
  }
  const choices = choicesOf(schema, root);
  const items = schema.type === 'array' ? resolve(schema.items, root) : null;
  const itemChoices = items && choicesOf(items, root);
  /** @type {Field['kind']} */
  let kind = 'json';
  if (choices) kind = 'choice';
  else if (itemChoices) kind = 'choices';
  else if (items && ['number', 'integer', 'string'].includes(items.type)) kind = 'list';
  else if (schema.type === 'boolean' || schema.type === 'integer' || schema.type === 'number') kind = schema.type;
  else if (schema.type === 'string') kind = 'text';
  return {
    name,
    title: outer.title ?? schema.title ?? titled(name),
    help: outer.description ?? schema.description ?? '',
    kind,
    options: (choices ?? itemChoices ?? []).filter((option) => option !== null),
    initial: outer.default ?? schema.default,
    range: rangeText(kind === 'list' ? (items ?? {}) : schema),
    nullable,
    group: groupOf(name, outer),
    forkable: outer.forkable === true,
  };
}

/** The fields of a config, in the schema's order; its `kind` is chosen elsewhere. @param {any} schema @param {any} config @returns {Field[]} */
export function fieldsOf(schema, config) {
  const branch = branchOf(schema, config);
  return Object.entries(branch.properties ?? {})
    .filter(([name]) => name !== 'kind')
    .map(([name, raw]) => readField(name, raw, schema));
}

/** Defaults of every field, with those of a preset over them. @param {any} schema @param {Record<string, any>} over */
export function completed(schema, over) {
  /** @type {Record<string, any>} */
  const config = {};
  const kinds = kindsOf(schema);
  if (kinds.length > 0) config.kind = over.kind ?? kinds[0].kind;
  for (const field of fieldsOf(schema, { ...config, ...over })) if (field.initial !== undefined) config[field.name] = field.initial;
  return { ...config, ...over };
}

/** Whether two values are the same JSON. @param {any} a @param {any} b @returns {boolean} */
export function sameValue(a, b) {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [keysA, keysB] = [Object.keys(a), Object.keys(b)];
  return keysA.length === keysB.length && keysA.every((key) => sameValue(a[key], b[key]));
}
