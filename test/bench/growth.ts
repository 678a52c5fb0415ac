// `npm run bench:growth`: what calls, requests, programs and time grow to with the number of calls and of
// feeds. Prints Markdown.
import { parseArgs } from 'node:util'
import { command, readRuns, say, withBench } from './bench.ts'
import { growthOfCalls } from './growth-calls.ts'
import { growthOfFeeds } from './growth-feeds.ts'
import { prepareStacks, scriptStack } from './stacks.ts'
import { pythonStack } from './world.ts'

const USAGE = `usage: npm run bench:growth -- [--runs N] [--node FILE]

  --runs N     runs of each row (3)
  --node FILE  the Node to measure on (the one that runs this)
`

function readOptions(): { readonly runs: number; readonly node: string } {
  const string = { type: 'string' } as const
  const { runs = '3', node = process.execPath } = parseArgs({ options: { runs: string, node: string } }).values
  return { runs: readRuns(runs), node }
}

await command('bench:growth', USAGE, readOptions, ({ runs, node }) => withBench(node, async (bench) => {
  const stacks = await prepareStacks(bench)
  const script = scriptStack(bench)
  try {
    say(`Node ${bench.version}, each from a cold start, medians of ${runs}. Python: ${pythonStack()}.\n`)
    say(await growthOfCalls(bench, stacks, runs))
    const feeds = await growthOfFeeds(bench, script, stacks, runs)
    say(feeds ?? 'pip and uv are not installed: run npm run clients')
    return true
  } finally {
    for (const stack of stacks) await stack.forget()
    for (const { machine } of [script, ...stacks]) machine.remove()
  }
}))
