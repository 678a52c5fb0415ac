import { parseArgs } from 'node:util'
import { askAgent, NO_AGENT } from '../agent/client.ts'
import { MOST_MINUTES } from '../agent/messages.ts'
import { parseService } from '../feed/service.ts'
import type { JsonObject } from '../net/json.ts'
import { KeyringError } from '../system/errors.ts'
import type { System } from '../system/system.ts'

const COMMANDS = ['start', 'status', 'stop', 'clear'] as const

/** What follows `keyring agent`. */
interface AgentOptions {
  readonly command: (typeof COMMANDS)[number]
  readonly minutes: number
  readonly foreground: boolean
}

/**
 * `keyring agent start|status|stop|clear`: the process that keeps answers in memory for other calls.
 *
 * @throws KeyringError USAGE, or AGENT where there is no agent and cannot be one
 */
export async function agentCommand(
  argv: readonly string[],
  system: System,
): Promise<number | (() => Promise<number>)> {
  const { command, minutes, foreground } = parseAgentOptions(argv)
  if (system.platform === 'win32') throw unusable('Windows is not supported yet')
  if (foreground) {
    const { serve } = await import('../agent/serve.ts')
    return async () => allRight(await serve(minutes, system))
  }
  if (command === 'start') {
    const started = await (await import('../agent/start.ts')).startAgent(minutes, system)
    if (typeof started === 'string') throw unusable(started)
    started.close()
  }
  const answer = await askAgent({ ask: command === 'start' ? 'status' : command }, system)
  if (typeof answer === 'string' && answer !== NO_AGENT) throw unusable(answer)
  const line = typeof answer === 'string' ? 'no agent is running' : described(command, answer)
  const status = command === 'status' && answer === NO_AGENT ? 1 : 0
  return system.writeOut(`${line}\n`) ? status : 1
}

/** `del SERVICE`: whether the agent had answers for the service's organization, and has no more. */
export async function forget(service: string | undefined, system: System): Promise<boolean> {
  const organization = parseService(service ?? '', system)?.organization
  if (organization === undefined) return false
  const answer = await askAgent({ ask: 'clear', organization }, system)
  return typeof answer !== 'string' && answer['cleared'] !== 0
}

function parseAgentOptions(argv: readonly string[]): AgentOptions {
  const [command, ...args] = argv
  const found = COMMANDS.find((name) => name === command)
  if (found === undefined) throw new KeyringError('USAGE', `agent takes one of: ${COMMANDS.join(', ')}`)
  const options = { ttl: { type: 'string' }, foreground: { type: 'boolean' } } as const
  try {
    const { values } = parseArgs({ args, options: found === 'start' ? options : {}, strict: true })
    const { ttl = String(MOST_MINUTES), foreground = false } = values as { ttl?: string; foreground?: boolean }
    if (!/^[1-9]\d?$/.test(ttl) || Number(ttl) > MOST_MINUTES) throw new Error('no such time')
    return { command: found, minutes: Number(ttl), foreground }
  } catch {
    const takes = `agent start takes --ttl with 1 to ${MOST_MINUTES} minutes and --foreground`
    throw new KeyringError('USAGE', found === 'start' ? takes : `agent ${found} takes no options`)
  }
}

function described(command: string, answer: JsonObject): string {
  const number = (name: string): number => Number(answer[name]) || 0
  const answers = (count: number): string => `${count} ${count === 1 ? 'answer' : 'answers'}`
  if (command === 'clear') return `${answers(number('cleared'))} forgotten`
  if (command === 'stop') return `process ${number('pid')} has stopped`
  const minutes = Math.ceil(number('last') / 60_000)
  const last = number('entries') === 0 ? '' : `, kept for ${minutes} more minutes at most`
  return `running: process ${number('pid')} with ${answers(number('entries'))}${last}`
}

function allRight(problem: string | undefined): number {
  if (problem !== undefined) throw unusable(problem)
  return 0
}

function unusable(why: string): KeyringError {
  return new KeyringError('AGENT', `there is no usable agent: ${why}`)
}
