import type { StandIn } from '../azure/stand-in.ts'
import { runProgram } from '../flow/program.ts'
import { startMeasurer } from './measure.ts'
import type { Measurer } from './measure.ts'
import { startAzure } from './world.ts'

/** What every benchmark needs: who answers, who measures, and on which Node. */
export interface Bench {
  readonly azure: StandIn
  readonly measurer: Measurer
  /** The path of the Node of what is measured. */
  readonly node: string
  /** Its version. */
  readonly version: string
}

/** Starts it all, and ends it whatever happens. */
export async function withBench<Result>(
  node: string,
  work: (bench: Bench) => Promise<Result>,
): Promise<Result> {
  const { stdout } = await runProgram(node, ['--version'], {})
  const measurer = startMeasurer()
  const azure = await startAzure()
  try {
    return await work({ azure, measurer, node, version: stdout.trim() })
  } finally {
    measurer.close()
    await azure.close()
  }
}

/**
 * The number of runs that an option asks for.
 *
 * @throws Error when it is none
 */
export function readRuns(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error('--runs is no number from 1 to 9999')
  return Number(text)
}

/**
 * Runs a script's main function. What it says decides the exit status: 0 or 1; an option that cannot be read
 * is 2 and the usage, any other error one message and 1.
 */
export async function command<Options>(
  name: string,
  usage: string,
  read: () => Options,
  main: (options: Options) => Promise<boolean>,
): Promise<void> {
  const message = (error: unknown): string =>
    `${name}: ${error instanceof Error ? error.message : String(error)}\n`
  let options: Options
  try {
    options = read()
  } catch (error) {
    process.stderr.write(`${usage}\n${message(error)}`)
    process.exitCode = 2
    return
  }
  try {
    process.exitCode = (await main(options)) ? 0 : 1
  } catch (error) {
    process.stderr.write(message(error))
    process.exitCode = 1
  }
}

/** Says something on standard output. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
