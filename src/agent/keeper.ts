import { parseJsonObject } from '../net/json.ts'
import type { LineConnection, System } from '../system/system.ts'
import { readAnswer, readQuestion, writeAnswer, writeMessage } from './messages.ts'
import type { Answer, Question } from './messages.ts'

/** An answer is given up this long before its token ends, in milliseconds. */
const MARGIN_MS = 5 * 60_000
/** How long a caller may take with its question, and with all of it, in milliseconds. */
const QUESTION_MS = 5_000
const CONNECTION_MS = 60_000
/** How often old answers are thrown away, and how long the agent goes on without any, in milliseconds. */
const TIDY_MS = 10_000
const IDLE_MS = 10 * 60_000
const MOST_ENTRIES = 256

interface Entry extends Answer {
  readonly organization: string
  readonly from: number
  readonly until: number
}

/** What a lookup led to: something to keep, nothing for anybody, or its caller went away. */
type Outcome = 'kept' | 'nothing' | 'gone'

type Get = Extract<Question, { readonly ask: 'get' }>

/**
 * The agent itself: answers in memory, and who is looking one up. Gives the function that serves one
 * connection.
 *
 * @param end called once when the agent is told to stop, has been idle, or `isInPlace` says no
 */
export function createKeeper(
  minutes: number,
  system: System,
  isInPlace: () => boolean,
  end: () => void,
): (connection: LineConnection) => Promise<void> {
  const entries = new Map<string, Entry>()
  const lookups = new Map<string, Promise<Outcome>>()
  let connections = 0
  let clearings = 0
  let usedAt = system.now()

  const tidy = (): void => {
    const now = system.now()
    // A clock that was set back must not make an answer last longer.
    for (const [key, { from, until }] of entries) if (now < from || now >= until) entries.delete(key)
  }
  const tick = (): void => {
    tidy()
    const idle = entries.size === 0 && connections === 0 && Math.abs(system.now() - usedAt) >= IDLE_MS
    if (idle || !isInPlace()) return stop()
    system.limit(TIDY_MS, tick)
  }
  const stop = (): void => {
    entries.clear()
    end()
  }
  const keep = ({ organization, key }: Get, answer: Answer): boolean => {
    const from = system.now()
    const until = Math.min(from + minutes * 60_000, (answer.expires ?? Infinity) - MARGIN_MS)
    const [oldest] = entries.keys()
    if (entries.size >= MOST_ENTRIES && oldest !== undefined) entries.delete(oldest)
    entries.set(key, { ...answer, organization, from, until })
    tidy()
    return entries.has(key)
  }
  const clear = (organization: string | undefined): number => {
    const before = entries.size
    clearings += 1
    for (const [key, entry] of entries) {
      if (organization === undefined || entry.organization === organization) entries.delete(key)
    }
    return before - entries.size
  }

  const lead = async (question: Get, connection: LineConnection): Promise<Outcome> => {
    const begun = clearings
    connection.write(writeMessage({ turn: 'lead' }))
    const line = await connection.read(CONNECTION_MS)
    if (line === undefined) return 'gone'
    const answer = readAnswer(parseJsonObject(line))
    // What was looked up before the user said to forget must not come back after it.
    return answer !== undefined && begun === clearings && keep(question, answer) ? 'kept' : 'nothing'
  }
  const get = async (question: Get, connection: LineConnection): Promise<void> => {
    for (let waits = false; ; waits = true) {
      tidy()
      const entry = entries.get(question.key)
      if (entry !== undefined) return connection.write(writeAnswer(entry))
      const lookup = lookups.get(question.key)
      if (lookup === undefined) break
      if (!waits) connection.write(writeMessage({ turn: 'wait' }))
      if ((await lookup) === 'nothing') return connection.write(writeMessage({ turn: 'alone' }))
    }
    const lookup = lead(question, connection)
    lookups.set(question.key, lookup)
    void lookup.then(() => lookups.delete(question.key))
    await lookup
  }
  const reply = (question: Exclude<Question, Get>): Readonly<Record<string, number>> => {
    if (question.ask === 'clear') return { cleared: clear(question.organization) }
    tidy()
    const last = Math.max(0, ...[...entries.values()].map(({ until }) => until - system.now()))
    const status = { pid: system.pid, entries: entries.size, last }
    if (question.ask === 'stop') stop()
    return status
  }

  system.limit(TIDY_MS, tick)
  return async (connection) => {
    connections += 1
    const inTime = system.limit(CONNECTION_MS, connection.close)
    const question = readQuestion(await connection.read(QUESTION_MS))
    if (question?.ask === 'get') await get(question, connection)
    else if (question !== undefined) connection.write(writeMessage(reply(question)))
    inTime()
    connection.close()
    connections -= 1
    usedAt = system.now()
  }
}
