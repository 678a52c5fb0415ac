import { spawnSync } from 'node:child_process'

/** Random choices that a seed repeats. */
export interface Random {
  /** At least 0, below `bound`, whole. */
  readonly below: (bound: number) => number
  /** True once in `times` on average. */
  readonly oneIn: (times: number) => boolean
  readonly pick: <T>(list: readonly T[]) => T
  /** Between `least` and `most` things, each made anew. */
  readonly many: <T>(least: number, most: number, make: () => T) => T[]
  /** Between `least` and `most` characters of an alphabet. */
  readonly text: (alphabet: string, least: number, most: number) => string
}

/** mulberry32: small, and the same numbers on every machine. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (bound: number): number => Math.floor(next() * bound)
  const pick = <T>(list: readonly T[]): T => {
    const index = below(list.length)
    if (index >= list.length) throw new Error('nothing to pick from')
    return list[index] as T
  }
  const many = <T>(least: number, most: number, make: () => T): T[] =>
    Array.from({ length: least + below(most - least + 1) }, make)
  const text = (alphabet: string, least: number, most: number): string => {
    let made = ''
    for (let left = least + below(most - least + 1); left > 0; left -= 1) made += alphabet[below(alphabet.length)] ?? ''
    return made
  }
  return { below, oneIn: (times) => below(times) === 0, pick, many, text }
}

/** How many cases a property has; `npm run property` sets more. */
export const CASES = Number(process.env['PROPERTY_CASES'] ?? 20_000)

/** A fixed seed, so that the tests of a commit always say the same; `npm run property` takes a new one. */
const SEED = Number(process.env['PROPERTY_SEED'] ?? 1)

/**
 * Checks a property once for each case. Every case has a seed of its own, so that one that fails is
 * repeated alone by what the error says.
 */
export function forAll(check: (random: Random) => void, cases = CASES): void {
  for (let index = 0; index < cases; index += 1) {
    // The golden ratio spreads the seeds of neighbours; the first one is the seed itself.
    const seed = (SEED + Math.imul(index, 0x9e3779b9)) >>> 0
    try {
      check(seeded(seed))
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`PROPERTY_SEED=${seed} PROPERTY_CASES=1: ${why}`, { cause })
    }
  }
}

/** Changes a text in a few places: characters come, go, move and change. */
export function mutated(text: string, alphabet: readonly string[], random: Random): string {
  let changed = text
  for (let left = random.below(4); left > 0; left -= 1) {
    const at = random.below(changed.length + 1)
    const to = at + random.below(6)
    const before = changed.slice(0, at)
    const kind = random.below(6)
    if (kind === 0) changed = before + changed.slice(to)
    else if (kind === 1) changed = before + random.pick(alphabet) + changed.slice(at + 1)
    else if (kind === 2) changed = changed.slice(0, to) + changed.slice(at)
    else if (kind === 3) changed = before + changed.slice(at, to).toUpperCase() + changed.slice(to)
    else changed = before + random.pick(alphabet) + changed.slice(at)
  }
  return changed
}

/** Whether there is a Python to compare with. */
export const HAS_PYTHON = spawnSync('python3', ['-I', '-c', '']).status === 0

/** Most items that Python gets at a time. */
const BATCH = 100_000

/**
 * Compares with Python what a test has gathered, many at a time, since starting it takes longer than
 * thousands of cases do.
 *
 * @param program defines `answer(item)`
 */
export function comparison(
  program: string,
  compare: (item: string, answer: string | null) => void,
): { readonly add: (item: string) => void; readonly finish: () => number } {
  let items: string[] = []
  let count = 0
  const flush = (): void => {
    const loop = 'import json, sys\njson.dump([answer(item) for item in json.load(sys.stdin)], sys.stdout)'
    const ended = spawnSync('python3', ['-I', '-c', `${program}\n${loop}`], {
      input: JSON.stringify(items),
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    })
    if (ended.status !== 0) throw new Error(`python3 failed: ${ended.stderr.slice(-2000)}`)
    const answers = JSON.parse(ended.stdout) as (string | null)[]
    for (const [index, item] of items.entries()) compare(item, answers[index] ?? null)
    count += items.length
    items = []
  }
  const add = (item: string): void => {
    if (!HAS_PYTHON) return
    items.push(item)
    if (items.length >= BATCH) flush()
  }
  const finish = (): number => {
    if (items.length > 0) flush()
    return count
  }
  return { add, finish }
}
