import { homeFolder, setting } from '../system/settings.ts'
import type { LineConnection } from '../system/sockets.ts'
import type { System } from '../system/system.ts'
import { NO_AGENT, reachAgent } from './client.ts'
import { createKeeper } from './keeper.ts'
import { agentFolder, flaw } from './shared-lookup.ts'

const STEP_MS = 25
const STEPS = 80
const TIDY_MS = 10_000

/**
 * Starts an agent unless there is one, and waits until it can be reached. Of many callers at once one
 * starts it: the one that listens on a second socket for as long as that takes.
 *
 * @returns a connection, or why there is no agent
 */
export async function startAgent(minutes: number, system: System): Promise<LineConnection | string> {
  const { folder, problem } = await ownFolder(system)
  if (problem !== undefined) return problem
  // The agent gets no variable but those that lead to its folder.
  const variables = { HOME: homeFolder(system) ?? '', XDG_RUNTIME_DIR: setting(system, 'XDG_RUNTIME_DIR') ?? '' }
  const args = ['agent', 'serve', `--ttl=${minutes}`]
  const starting = `${folder}/start.1`
  const turn = await (await system.sockets()).listen(starting, (connection) => connection.close())
  let hasEnded = (): boolean => system.inspect(starting) === undefined
  try {
    for (let step = 0, last = false; ; step += 1) {
      const agent = await reachAgent(system)
      if (agent !== NO_AGENT) return agent
      if (last || step === STEPS) return 'it could not be started'
      if (step === 0 && turn !== undefined) hasEnded = await system.startApart(args, variables)
      last = hasEnded()
      await system.sleep(STEP_MS, system.signal)
    }
  } finally {
    turn?.close()
  }
}

/**
 * Is the agent, until it is told to stop or has been idle for a while.
 *
 * @returns why it could not be; undefined at its end
 */
export async function serve(minutes: number, system: System): Promise<string | undefined> {
  const { folder, problem } = await ownFolder(system)
  if (problem !== undefined) return problem
  const over = new AbortController()
  const keeper = createKeeper(minutes, system, () => over.abort())
  const listener = await (await system.sockets()).listen(`${folder}/agent.1`, (caller) => void keeper.serve(caller))
  if (listener === undefined) return 'another one is running, or its socket cannot be made'
  while (keeper.tidy() && listener.isInPlace() && !over.signal.aborted) await system.sleep(TIDY_MS, over.signal)
  listener.close()
  return undefined
}

async function ownFolder(system: System): Promise<{ readonly folder: string; readonly problem: string | undefined }> {
  const folder = agentFolder(system) ?? ''
  for (const path of [folder.slice(0, folder.lastIndexOf('/')), folder]) await system.makeFolder(path)
  return { folder, problem: flaw(folder, undefined, system) }
}
