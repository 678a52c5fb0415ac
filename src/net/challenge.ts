/** One authentication challenge (RFC 9110 §11.6.1). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string
  /** By lower-case name; a repeated name keeps its first value. */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = /[\w!#$%&'*+.^`|~-]+/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy
const TOKEN68 = /[\w.~+/-]+=*(?=\s*(?:,|$))/y
/** Azure DevOps sends `authorization_uri=https://…` without the quotes that the grammar asks for. */
const BARE = /[^\s,"]+/y
const EQUALS = /\s*=\s*/y
const SPACE = /\s+/y
const SEPARATOR = /[\s,]+/y

/**
 * Parses the value of `WWW-Authenticate`, repeated lines joined with a comma. What does not fit the
 * grammar ends the list: the challenges before it still count.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(header)
    if (match === null) return undefined
    at = pattern.lastIndex
    return match
  }
  while (at < header.length) {
    take(SEPARATOR)
    const start = at
    const name = take(TOKEN)?.[0].toLowerCase()
    if (name === undefined) break
    const current = challenges.at(-1)
    // A name is a parameter when `=` follows (with a value) and a challenge has begun.
    if (current !== undefined && take(EQUALS) !== undefined) {
      const value = take(QUOTED)?.[1]?.replace(/\\(.)/gs, '$1') ?? take(BARE)?.[0]
      if (value === undefined) break
      if (!current.parameters.has(name)) current.parameters.set(name, value)
      continue
    }
    at = start + name.length
    challenges.push({ scheme: name, parameters: new Map() })
    // A token68 is data of the scheme without a name (Negotiate); nothing here needs it.
    if (take(SPACE) !== undefined) take(TOKEN68)
  }
  return challenges
}
