import { logLines } from '../flow/program.ts'
import type { Bench } from './bench.ts'
import { NAMES } from './record.ts'
import type { Row, Run, Sample } from './record.ts'
import type { Variant } from './variants.ts'

/** What counts here of a benchmark: who measures, and the list that requests are added to. */
export interface Counts extends Pick<Bench, 'version'> {
  readonly azure: Pick<Bench['azure'], 'requests'>
  readonly measurer: Pick<Bench['measurer'], 'measure'>
}

/**
 * Measures every variant so many times. They take turns, so that a busy machine slows them alike; a first
 * turn, which also fills the disk's cache and the agent, does not count.
 *
 * @throws Error when a call did not do what it is measured for: a fast failure is no speed
 */
export async function runVariants(bench: Counts, variants: readonly Variant[], runs: number): Promise<Run> {
  const rows = variants.map(({ id }): Row & { readonly samples: Sample[] } => ({ id, samples: [] }))
  for (let turn = 0; turn <= runs; turn += 1) {
    for (const [index, variant] of variants.entries()) {
      const sample = await once(bench, variant, turn === 0)
      if (turn > 0) rows[index]?.samples.push(sample)
    }
  }
  return { node: bench.version, rows }
}

async function once({ azure, measurer }: Counts, variant: Variant, first: boolean): Promise<Sample> {
  azure.requests.length = 0
  const before = logLines(variant.machine.log).length
  const { status, stderr, wallMs, cpuMs, peakMiB } = await measurer.measure(variant)
  const requests = azure.requests.length
  const programs = logLines(variant.machine.log).length - before
  const counts = `${requests} requests, ${programs} programs`
  const fail = (what: string): never => {
    throw new Error(`${NAMES[variant.id]}: ${what}\n${stderr}`)
  }
  if (status !== variant.status) fail(`ended with ${status}, not ${variant.status}, after ${counts}`)
  const asPlanned = requests === variant.requests && programs === variant.programs
  if (!first && !asPlanned) fail(`${counts}, not ${variant.requests} and ${variant.programs}`)
  return { wallMs, cpuMs, peakMiB, requests, programs }
}
