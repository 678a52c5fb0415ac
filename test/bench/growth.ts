// `npm run bench:growth`: what calls, requests, programs and time grow to with the number of calls and of
// feeds. Prints Markdown.
import { parseArgs } from 'node:util'
import { runProgram } from '../flow/program.ts'
import { growthOfCalls } from './growth-calls.ts'
import { growthOfFeeds } from './growth-feeds.ts'
import { startMeasurer } from './measure.ts'
import { prepareStacks, scriptStack } from './stacks.ts'
import { pythonStack, startAzure } from './world.ts'

const USAGE = `usage: npm run bench:growth -- [--runs N] [--node FILE]

  --runs N     runs of each row (3)
  --node FILE  the Node to measure on (the one that runs this)
`

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function main(runs: number, node: string): Promise<void> {
  const version = await runProgram(node, ['--version'], {})
  const measurer = startMeasurer()
  const azure = await startAzure()
  const stacks = await prepareStacks(azure, node)
  const script = scriptStack(azure)
  try {
    say(`Node ${version.stdout.trim()}, each from a cold start, medians of ${runs}. Python: ${pythonStack()}.\n`)
    say(await growthOfCalls(azure, measurer, node, stacks, runs))
    const feeds = await growthOfFeeds(azure, measurer, script, stacks, runs)
    say(feeds ?? 'pip and uv are not installed: run npm run clients')
  } finally {
    for (const stack of stacks) await stack.forget()
    for (const { machine } of [script, ...stacks]) machine.remove()
    measurer.close()
    await azure.close()
  }
}

function readOptions(): { readonly runs: number; readonly node: string } {
  const string = { type: 'string' } as const
  const { runs = '3', node = process.execPath } = parseArgs({ options: { runs: string, node: string } }).values
  if (!/^[1-9]\d{0,3}$/.test(runs)) throw new Error('--runs is no number from 1 to 9999')
  return { runs: Number(runs), node }
}

let options: ReturnType<typeof readOptions>
try {
  options = readOptions()
} catch (error) {
  process.stderr.write(`${USAGE}\nbench:growth: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
try {
  await main(options.runs, options.node)
} catch (error) {
  process.stderr.write(`bench:growth: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
