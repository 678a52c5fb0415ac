import type { Listener, System } from '../system/system.ts'
import { createKeeper } from './keeper.ts'
import { agentPlace, folderFlaw } from './place.ts'

/**
 * Is the agent, until it is told to stop or has been idle for a while.
 *
 * @returns why it could not be, or undefined at its end
 */
export async function serve(minutes: number, system: System): Promise<string | undefined> {
  const place = agentPlace(system)
  if (place === undefined) return 'there is no place for one'
  system.makeFolder(place.folder)
  const flaw = folderFlaw(place, system)
  if (flaw !== undefined) return flaw
  const { listen } = await system.sockets()
  const over = new AbortController()
  let listener: Listener | undefined
  const isInPlace = (): boolean => listener?.isInPlace() !== false
  const end = (): void => {
    listener?.close()
    over.abort()
  }
  const keeper = createKeeper(minutes, system, isInPlace, end)
  listener = await listen(place.socket, (connection) => void keeper(connection))
  if (listener === undefined) return `${place.socket} is taken or cannot be made`
  await new Promise((resolve) => over.signal.addEventListener('abort', resolve))
  return undefined
}
