import type { Credential } from '../get-credential.ts'
import { type JsonObject, parseJsonObject, stringMember } from '../net/json.ts'
import type { LineConnection } from '../system/sockets.ts'
import type { System } from '../system/system.ts'
import { readCredential, writeCredential } from './client.ts'

/** An answer is given up this long before its token ends, in milliseconds. */
const MARGIN_MS = 5 * 60_000
/** How long a caller may take with its question, and with all of it, in milliseconds. */
const QUESTION_MS = 5_000
const CONNECTION_MS = 60_000
/** How long the agent goes on without answers and callers, in milliseconds. */
const IDLE_MS = 10 * 60_000
const MOST_ENTRIES = 256

/** An answer, and when it came and ends, in milliseconds since 1970. */
type Entry = Readonly<{ organization: string; credential: Credential; from: number; until: number }>

/** What a lookup led to: something to keep, nothing for anybody, or its caller went away. */
type Outcome = 'kept' | 'nothing' | 'gone'

/** The agent itself: answers in memory, and who is looking one up. */
export interface Keeper {
  /** Serves one connection to its end. Never throws, whatever comes. */
  readonly serve: (connection: LineConnection) => Promise<void>
  /** Throws away what is too old; false when there has been no answer and no caller for a while. */
  readonly tidy: () => boolean
}

/** Makes an agent without answers, which keeps each for so many minutes at most; `stop` ends it. */
export function createKeeper(minutes: number, system: System, stop: () => void): Keeper {
  const entries = new Map<string, Entry>()
  const lookups = new Map<string, Promise<Outcome>>()
  let connections = 0
  let clearings = 0
  let usedAt = system.now()

  const forget = (applies: (entry: Entry) => boolean): number => {
    const before = entries.size
    for (const [key, entry] of entries) if (applies(entry)) entries.delete(key)
    return before - entries.size
  }
  const tidy = (): boolean => {
    const now = system.now()
    // A clock that was set back must not make an answer last longer.
    forget(({ from, until }) => now < from || now >= until)
    return entries.size > 0 || connections > 0 || Math.abs(now - usedAt) < IDLE_MS
  }
  const keep = (organization: string, key: string, answer: JsonObject | undefined): Outcome => {
    const credential = readCredential(answer)
    if (credential === undefined) return 'nothing'
    // A Map is in the order of insertion: the oldest goes.
    if (entries.size >= MOST_ENTRIES) entries.delete([...entries.keys()][0] ?? '')
    const from = system.now()
    const expires = answer?.['expires']
    const end = typeof expires === 'number' ? expires - MARGIN_MS : Infinity
    entries.set(key, { organization, credential, from, until: Math.min(from + minutes * 60_000, end) })
    tidy()
    return entries.has(key) ? 'kept' : 'nothing'
  }
  const lead = async (organization: string, key: string, connection: LineConnection): Promise<Outcome> => {
    const begun = clearings
    connection.write('lead')
    const line = await connection.read(CONNECTION_MS)
    if (line === undefined) return 'gone'
    // What was looked up before the user said to forget must not come back after it.
    return begun === clearings ? keep(organization, key, parseJsonObject(line)) : 'nothing'
  }
  const get = async (organization: string, key: string, connection: LineConnection): Promise<void> => {
    for (let waits = false; ; waits = true) {
      tidy()
      const entry = entries.get(key)
      if (entry !== undefined) return connection.write(writeCredential(entry.credential))
      const lookup = lookups.get(key)
      if (lookup === undefined) break
      if (!waits) connection.write('wait')
      if ((await lookup) === 'nothing') return connection.write('alone')
    }
    const lookup = lead(organization, key, connection)
    lookups.set(key, lookup)
    void lookup.then(() => lookups.delete(key))
    await lookup
  }
  const reply = (ask: string | undefined, organization: string | undefined): JsonObject => {
    tidy()
    if (ask === 'clear') {
      clearings += 1
      return { cleared: forget((entry) => entry.organization === (organization ?? entry.organization)) }
    }
    if (ask !== 'status' && ask !== 'stop') return {}
    const last = Math.max(0, ...[...entries.values()].map(({ until }) => until - system.now()))
    const status = { pid: system.pid, entries: entries.size, last }
    if (ask === 'stop') forget(() => true)
    if (ask === 'stop') stop()
    return status
  }
  const serve = async (connection: LineConnection): Promise<void> => {
    connections += 1
    const inTime = system.limit(CONNECTION_MS, connection.close)
    const question = parseJsonObject((await connection.read(QUESTION_MS)) ?? '')
    const [ask, organization, key] = ['ask', 'organization', 'key'].map((name) => stringMember(question, name))
    if (ask === 'get' && organization !== undefined && key !== undefined) await get(organization, key, connection)
    else connection.write(JSON.stringify(reply(ask, organization)))
    inTime()
    connection.close()
    connections -= 1
    usedAt = system.now()
  }
  return { serve, tidy }
}
