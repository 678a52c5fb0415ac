/** A JSON object whose members are not yet checked. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Parses JSON. `JSON.parse` quotes its input in its error, so that error goes no further.
 *
 * @returns undefined when the text is no JSON
 */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Parses a JSON object; undefined for anything else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  const value = parseJson(text)
  return isObject(value) ? value : undefined
}

/** A member that is a non-empty string; inherited members do not count. */
export function stringMember(object: JsonObject | undefined, name: string): string | undefined {
  if (object === undefined || !Object.hasOwn(object, name)) return undefined
  const value = object[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
