import { homeFolder } from '../system/folders.ts'
import { setting } from '../system/settings.ts'
import type { LineConnection, System } from '../system/system.ts'
import { NO_AGENT, reachAgent } from './client.ts'
import { agentPlace, folderFlaw } from './place.ts'

const STEP_MS = 25
const STEPS = 80

/**
 * Starts an agent, and waits until it can be reached. Of many callers at once one starts it: the one
 * that listens on a second socket for as long as that takes.
 *
 * @returns why there is none, where there is none
 */
export async function startAgent(minutes: number, system: System): Promise<LineConnection | string> {
  const running = await reachAgent(system)
  if (running !== NO_AGENT) return running
  const place = agentPlace(system)
  if (place === undefined) return 'there is no place for one'
  system.makeFolder(place.folder)
  const flaw = folderFlaw(place, system)
  if (flaw !== undefined) return flaw
  const { listen } = await system.sockets()
  const turn = await listen(place.starting, (connection) => connection.close())
  const hasEnded = turn && (await startApart(minutes, system))
  const hasGone = (): boolean => hasEnded?.() ?? system.inspect(place.starting) === undefined
  try {
    for (let step = 0, last = false; step < STEPS && !last; step += 1) {
      last = hasGone()
      const connection = await reachAgent(system)
      if (typeof connection !== 'string') return connection
      await system.sleep(STEP_MS, system.signal)
    }
    return 'it could not be started'
  } finally {
    turn?.close()
  }
}

/** The agent gets no variable but those that lead to its folder. */
function startApart(minutes: number, system: System): Promise<() => boolean> {
  const variables = { HOME: homeFolder(system), XDG_RUNTIME_DIR: setting(system, 'XDG_RUNTIME_DIR') }
  const known = Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const args = ['agent', 'start', '--foreground', `--ttl=${minutes}`]
  return system.startApart(args, Object.fromEntries(known) as Record<string, string>)
}
