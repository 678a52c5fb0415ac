import { median } from './statistics.ts'

/** What one call has cost. */
export interface Sample {
  readonly wallMs: number
  /** User and system time, with that of the programs it started. */
  readonly cpuMs: number
  /** The largest process of the call. */
  readonly peakMiB: number
  /** Requests that reached a server. */
  readonly requests: number
  /** Programs that it started. */
  readonly programs: number
}

/** What is measured, and what it is called. */
export const NAMES = {
  node: 'node -e 0',
  foreign: 'a service that is not ours',
  pat: 'a PAT in a variable',
  'app-token': "an application's token in a variable",
  sp: 'a service principal',
  'sp-bare': 'a service principal, bare script',
  user: 'a user through az',
  'user-bare': 'a user through az, bare script',
  'user-fetch': "a user through az, on the platform's fetch",
  agent: 'a user through az, again, with the agent',
  'foreign-python': 'a service that is not ours, Python',
  'app-token-python': "an application's token in a variable, Python",
  'sp-python': 'a service principal, Python',
  'user-python': 'a user through az, Python',
} as const

/** The same in every run that is kept. */
export type VariantId = keyof typeof NAMES

/** One variant with all that was measured of it. */
export interface Row {
  readonly id: VariantId
  readonly samples: readonly Sample[]
}

/** One run of the benchmark: what `--json` keeps. */
export interface Run {
  /** The version of Node that ran what was measured. */
  readonly node: string
  readonly rows: readonly Row[]
}

/** What can be measured of a call. */
export type Figure = keyof Sample

/** The median of a figure of a variant; undefined where the run does not have that variant. */
export function medianOf(run: Run, id: VariantId, figure: Figure): number | undefined {
  const row = run.rows.find((each) => each.id === id)
  return row === undefined ? undefined : median(row.samples.map((sample) => sample[figure]))
}

/**
 * Reads a run that was kept.
 *
 * @throws Error when the text is none
 */
export function parseRun(text: string): Run {
  const run = JSON.parse(text) as Partial<Run> | null
  const rows = run?.rows
  const whole = Array.isArray(rows) && rows.length > 0 && rows.every(isRow)
  if (typeof run?.node !== 'string' || rows === undefined || !whole) {
    throw new Error('this is no run that --json kept')
  }
  return { node: run.node, rows }
}

function isRow(row: Partial<Row> | null): boolean {
  const samples = row?.samples
  const figures = ['wallMs', 'cpuMs', 'peakMiB', 'requests', 'programs'] as const
  const good = (sample: Partial<Sample> | null): boolean =>
    figures.every((figure) => Number.isFinite(sample?.[figure]))
  const named = typeof row?.id === 'string' && Object.hasOwn(NAMES, row.id)
  return named && Array.isArray(samples) && samples.length > 0 && samples.every(good)
}
