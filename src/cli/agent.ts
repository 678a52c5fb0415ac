import { askAgent, MOST_MINUTES, NO_AGENT } from '../agent/client.ts'
import { parseService } from '../feed/service.ts'
import { KeyringError } from '../system/messages.ts'
import type { System } from '../system/system.ts'

const SYNTAX = /^(start|serve|status$|stop$|clear$)(?: --ttl[= ]([1-9]|[1-4]\d|50))?$/

/**
 * `keyring agent start|status|stop|clear`: the process that keeps answers in memory for other calls;
 * `serve` is that process itself.
 *
 * @throws KeyringError USAGE, or AGENT where there is no agent and cannot be one
 */
export async function agentCommand(argv: readonly string[], system: System): Promise<number | (() => Promise<number>)> {
  const [, command = '', ttl] = SYNTAX.exec(argv.join(' ')) ?? []
  if (command === '') throw new KeyringError('USAGE', 'agent takes start [--ttl 1 to 50 minutes], status, stop or clear')
  if (system.platform === 'win32') return refuse('it is not made for Windows yet')
  const { serve, startAgent } = await import('../agent/start.ts')
  const minutes = Number(ttl ?? MOST_MINUTES)
  if (command === 'serve') return async () => refuse(await serve(minutes, system))
  const started = command === 'start' ? await startAgent(minutes, system) : NO_AGENT
  if (typeof started === 'string' && started !== NO_AGENT) return refuse(started)
  const answer = await askAgent({ ask: command === 'start' ? 'status' : command }, system)
  const say = (line: string, status = 0): number => (system.writeOut(`${line}\n`) ? status : 1)
  if (answer === NO_AGENT) return say('no agent is running', command === 'status' ? 1 : 0)
  if (typeof answer === 'string') return refuse(answer)
  const [pid, entries, last, cleared] = ['pid', 'entries', 'last', 'cleared'].map((name) => Number(answer[name]))
  const left = entries === 0 ? '' : `, for ${Math.ceil((last ?? 0) / 60_000)} more minutes at most`
  if (command === 'stop') return say(`process ${pid} has stopped`)
  if (command === 'clear') return say(`answers forgotten: ${cleared}`)
  return say(`running: process ${pid}, answers kept: ${entries}${left}`)
}

/** `del SERVICE`: whether the agent had answers for the service's organization, and has no more. */
export async function forget(service: string | undefined, system: System): Promise<boolean> {
  const organization = parseService(service ?? '', system)?.organization
  if (organization === undefined) return false
  const answer = await askAgent({ ask: 'clear', organization }, system)
  return typeof answer !== 'string' && Number(answer['cleared']) > 0
}

/** @throws KeyringError AGENT where there is a problem; 0 where there is none */
function refuse(problem: string | undefined): number {
  if (problem === undefined) return 0
  throw new KeyringError('AGENT', `there is no usable agent: ${problem}`)
}
