/** A JSON Schema of draft 2020-12, which is what OpenAPI 3.1 takes. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** An object's schema; its members can be used again in another. */
export type ObjectSchema = JsonSchema & { readonly properties: Readonly<Record<string, JsonSchema>> };

type Options = Readonly<Record<string, unknown>>;

/** Schemas of members that may be absent. A set beside them, so that the mark never shows in a document. */
const absent = new WeakSet<JsonSchema>();

/** Plain builders of JSON Schema. Objects require every member that is not wrapped in {@link optionalMember}. */
export const string = (options: Options = {}): JsonSchema => ({ ...options, type: 'string' });
export const number = (options: Options = {}): JsonSchema => ({ ...options, type: 'number' });
export const integer = (options: Options = {}): JsonSchema => ({ ...options, type: 'integer' });
export const boolean = (options: Options = {}): JsonSchema => ({ ...options, type: 'boolean' });
export const nothing = (): JsonSchema => ({ type: 'null' });
export const anything = (options: Options = {}): JsonSchema => ({ ...options });
export const literal = (value: string, options: Options = {}): JsonSchema => ({ ...options, const: value });
export const oneOf = (values: readonly string[], options: Options = {}): JsonSchema => ({
  ...options,
  enum: [...values],
});
export const array = (items: JsonSchema, options: Options = {}): JsonSchema => ({
  ...options,
  type: 'array',
  items,
});
export const either = (schemas: readonly JsonSchema[], options: Options = {}): JsonSchema => ({
  ...options,
  anyOf: [...schemas],
});

export function object(members: Readonly<Record<string, JsonSchema>>, options: Options = {}): ObjectSchema {
  const required = Object.keys(members).filter((name) => !absent.has(members[name] as JsonSchema));
  return { ...options, type: 'object', ...(required.length === 0 ? {} : { required }), properties: members };
}

/** The same schema, for a member that may be absent. */
export function optionalMember(schema: JsonSchema): JsonSchema {
  const copy = { ...schema };
  absent.add(copy);
  return copy;
}

/** The same members, each of which may be absent. */
export function optionalMembers(members: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(members).map(([name, schema]) => [name, optionalMember(schema)]));
}
