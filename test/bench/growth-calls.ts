import { logLines } from '../flow/program.ts'
import type { Bench } from './bench.ts'
import { table } from './report.ts'
import type { Stack } from './stacks.ts'
import { median } from './statistics.ts'
import { FEED } from './world.ts'

const CALLS = [1, 10, 100] as const

/** What so many calls, one after the other, have cost together. */
interface Cost {
  readonly wallMs: number
  readonly requests: number
  readonly az: number
}

/**
 * A table of `keyring get` for one feed, once, ten and a hundred times in a row, each time from a cold start.
 * All stacks take turns, `node -e 0` with them.
 *
 * @throws Error when a call failed
 */
export async function growthOfCalls(bench: Bench, stacks: readonly Stack[], turns: number): Promise<string> {
  const rows = CALLS.flatMap((calls) => stacks.map((stack) => ({ calls, stack, costs: [] as Cost[] })))
  const nothing: number[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { calls, stack, costs } of rows) {
      nothing.push((await bench.measurer.measure({ argv: [bench.node, '-e', '0'], env: {} })).wallMs)
      costs.push(await inARow(bench, stack, calls))
    }
  }
  const cells = rows.map(({ calls, stack, costs }) => {
    const middle = (figure: keyof Cost): number => median(costs.map((cost) => cost[figure]))
    const wallMs = middle('wallMs')
    return [
      `${calls} × keyring get, ${stack.name}`,
      String(middle('requests')),
      String(middle('az')),
      (wallMs / median(nothing) / calls).toFixed(1),
      (wallMs / 1000).toFixed(1),
    ]
  })
  return table([['', 'requests', 'az', 'time of a call, × node -e 0', 's in all'], ...cells])
}

async function inARow({ azure, measurer }: Bench, stack: Stack, calls: number): Promise<Cost> {
  await stack.forget()
  azure.requests.length = 0
  const before = logLines(stack.machine.log).length
  const env = { ...stack.machine.env, ...azure.environment(), ...stack.env }
  let wallMs = 0
  for (let call = 0; call < calls; call += 1) {
    const ended = await measurer.measure({ argv: [...stack.argv, 'get', FEED, 'me'], env })
    if (ended.status !== 0) throw new Error(`${stack.name}: ended with ${ended.status}\n${ended.stderr}`)
    wallMs += ended.wallMs
  }
  return { wallMs, requests: azure.requests.length, az: logLines(stack.machine.log).length - before }
}
