// `npm run bench`: what a whole call costs, beside `node -e 0`, beside a bare script that makes the same
// requests, and beside Python's program where `npm run clients` has installed it.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { command, readRuns, say, withBench } from './bench.ts'
import type { Bench } from './bench.ts'
import { describe, outcomeTable, runTable } from './report.ts'
import { runVariants } from './run-variants.ts'
import { CHECKED, judge, outcomes, TARGETS } from './targets.ts'
import type { Outcome } from './targets.ts'
import { prepareVariants } from './variants.ts'
import type { Variant } from './variants.ts'
import { pythonStack } from './world.ts'

const USAGE = `usage: npm run bench -- [--runs N] [--json FILE] [--node FILE] [--check]

  --runs N     runs of each variant that count (20; with --check 21)
  --json FILE  keeps all figures, for npm run bench:chart
  --node FILE  the Node to measure on (the one that runs this)
  --check      fails when in two runs of three a ratio is over its target by more than a quarter
`

interface Options {
  readonly runs: number
  readonly json: string | undefined
  readonly node: string
  readonly check: boolean
}

function readOptions(): Options {
  const string = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const options = { runs: string, json: string, node: string, check: flag } as const
  const { runs, json, node = process.execPath, check } = parseArgs({ options }).values
  if (check && json !== undefined) throw new Error('--json keeps no run of --check')
  return { runs: readRuns(runs ?? (check ? '21' : '20')), json, node, check }
}

/** What the table does not say of what it compares. */
function notes(): string {
  return `All requests go through the same CONNECT proxy, to servers on this machine, whose authority SSL_CERT_FILE
names. az is a shell script that answers at once. CPU and memory are those of the call and of the programs that it
starts (the larger one's memory); those of the agent, which is another process, are not in them.

bare script: test/bench/bare.cjs, which makes the same requests with node:https and starts the same az, one
  after the other; it checks nothing and tries nothing again
on the platform's fetch: this program, with globalThis.fetch in the place of its own use of node:https
with the agent: a repeated call, ARTIFACTS_KEYRING_NOFUSS_AGENT=1
Python: ${pythonStack()}, if npm run clients has installed it
`
}

/** Measures everything and tells everything. Missing a target is no failure here. */
async function report(bench: Bench, variants: readonly Variant[], { runs, json }: Options): Promise<boolean> {
  const run = await runVariants(bench, variants, runs)
  say(`Node ${run.node}, ${runs} runs of each, taking turns; medians\n`)
  say(runTable(run))
  say(notes())
  say(outcomeTable(outcomes(run, TARGETS)))
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(run)}\n`)
  return true
}

/** Says whether the promises are kept, with as few runs as that takes. */
async function check(bench: Bench, variants: readonly Variant[], { runs }: Options): Promise<boolean> {
  const needed = new Set(CHECKED.flatMap(({ variant, base }) => [variant, base]))
  const chosen = variants.filter(({ id }) => needed.has(id))
  const seen: (readonly Outcome[])[] = []
  for (;;) {
    const run = await runVariants(bench, chosen, runs)
    const outcome = outcomes(run, CHECKED)
    seen.push(outcome)
    say(`Node ${run.node}, ${runs} runs of each, taking turns\n`)
    say(outcomeTable(outcome))
    const { failed, decided } = judge(seen)
    if (!decided) continue
    for (const target of failed) say(`FAILED ${describe(target)}: twice over ${target.most} by more than a quarter`)
    return failed.length === 0
  }
}

await command('bench', USAGE, readOptions, (options) => withBench(options.node, async (bench) => {
  const { list, close } = await prepareVariants(bench)
  try {
    return await (options.check ? check : report)(bench, list, options)
  } finally {
    await close()
  }
}))
