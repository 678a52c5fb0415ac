import type { Feed } from '../feed/service.ts'
import type { Credential } from '../get-credential.ts'
import { parseJsonObject, stringMember } from '../net/json.ts'
import type { JsonObject } from '../net/json.ts'
import { debug } from '../system/log.ts'
import { isOn } from '../system/settings.ts'
import type { LineConnection, System } from '../system/system.ts'
import { identityKey } from './identity-key.ts'
import { MOST_MINUTES, readAnswer, writeMessage } from './messages.ts'
import type { Question } from './messages.ts'
import { agentPlace, folderFlaw, socketFlaw } from './place.ts'

/**
 * How long the agent may take to say anything, another caller with its lookup, and the agent where
 * somebody wants to hear from it; in milliseconds.
 */
const REPLY_MS = 250
const LOOKUP_MS = 20_000
const PATIENT_MS = 2_000

/** What `reachAgent` says where there is nothing wrong, but no agent either. */
export const NO_AGENT = 'none is running'

/** A connection to the user's agent, or why there is none. */
export async function reachAgent(system: System): Promise<LineConnection | string> {
  const place = agentPlace(system)
  if (place === undefined || system.inspect(place.socket) === undefined) return NO_AGENT
  const flaw = folderFlaw(place, system) ?? socketFlaw(place, system)
  if (flaw !== undefined) return flaw
  const connection = await (await system.sockets()).connect(place.socket)
  if (connection === 'ECONNREFUSED' || connection === 'ENOENT') return NO_AGENT
  return typeof connection === 'string' ? `its socket cannot be used (${connection})` : connection
}

/** A question with numbers for an answer; or why there is no answer. */
export async function askAgent(question: Question, system: System): Promise<JsonObject | string> {
  const connection = await reachAgent(system)
  if (typeof connection === 'string') return connection
  connection.write(writeMessage(question))
  const line = await connection.read(PATIENT_MS)
  connection.close()
  return parseJsonObject(line ?? '') ?? 'it does not answer'
}

/**
 * The agent's answer, or that of a lookup, which then becomes the agent's. Whatever is wrong with the
 * agent, the lookup is made as if there were none.
 */
export async function throughAgent(
  feed: Feed & { readonly organization: string },
  lookUp: () => Promise<Credential | undefined>,
  system: System,
): Promise<Credential | undefined> {
  const connection = await connected(system)
  const alone = (why: string): Promise<Credential | undefined> => {
    debug(system, `no agent is used: ${why}`)
    return lookUp()
  }
  if (typeof connection === 'string') return alone(connection)
  const { organization } = feed
  connection.write(writeMessage({ ask: 'get', organization, key: identityKey(feed, system) }))
  const first = await connection.read(REPLY_MS)
  const waits = turnOf(first) === 'wait'
  if (waits) debug(system, 'another call is looking the answer up, the agent waits for it')
  const line = waits ? await connection.read(LOOKUP_MS) : first
  if (turnOf(line) === 'lead') {
    debug(system, 'the agent has no answer yet and gets that of this call')
    return (await import('./lead.ts')).lead(connection, lookUp)
  }
  connection.close()
  const answer = readAnswer(parseJsonObject(line ?? ''))
  if (answer === undefined) {
    return alone(turnOf(line) === 'alone' ? 'it has no answer either' : 'it did not answer in time, or not as one')
  }
  debug(system, 'the answer comes from the agent')
  return answer.credential
}

async function connected(system: System): Promise<LineConnection | string> {
  const running = await reachAgent(system)
  if (running !== NO_AGENT || !isOn(system, 'ARTIFACTS_KEYRING_NOFUSS_AGENT')) return running
  return (await import('./start.ts')).startAgent(MOST_MINUTES, system)
}

function turnOf(line: string | undefined): string | undefined {
  return stringMember(parseJsonObject(line ?? ''), 'turn')
}
