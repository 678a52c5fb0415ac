import { createHash } from 'node:crypto'
import type { Feed } from '../feed/service.ts'
import type { Credential } from '../get-credential.ts'
import { type JsonObject, parseJsonObject, stringMember } from '../net/json.ts'
import { findProgram } from '../system/find-program.ts'
import { configFile } from '../system/keyringrc.ts'
import { debug } from '../system/messages.ts'
import { homeFolder, isOn, Secret, setting, VARIABLES } from '../system/settings.ts'
import type { LineConnection } from '../system/sockets.ts'
import type { System } from '../system/system.ts'
import { agentFolder, flaw } from './shared-lookup.ts'

/** What `reachAgent` says where nothing is wrong, but there is no agent. */
export const NO_AGENT = 'none is running'

/** How long the agent may take to say anything: to a call that can do without it, and to a person; in milliseconds. */
const REPLY_MS = 250
const PATIENT_MS = 2_000

/** The longest that an answer is kept, in minutes. */
export const MOST_MINUTES = 50

/** Finds a credential without the agent. */
type Lookup = () => Promise<Credential | undefined>

/** A connection to the user's agent, or why there is none. */
export async function reachAgent(system: System): Promise<LineConnection | string> {
  const folder = agentFolder(system)
  const socket = `${folder}/agent.1`
  if (folder === undefined || system.inspect(socket) === undefined) return NO_AGENT
  const problem = flaw(folder, socket, system)
  if (problem !== undefined) return problem
  const connection = await (await system.sockets()).connect(socket)
  return connection === 'ECONNREFUSED' ? NO_AGENT : connection
}

/** The agent's answer to a question, an object of JSON; or why there is none. */
export async function askAgent(question: JsonObject, system: System): Promise<JsonObject | string> {
  const connection = await reachAgent(system)
  if (typeof connection === 'string') return connection
  connection.write(JSON.stringify(question))
  const line = await connection.read(PATIENT_MS)
  connection.close()
  return parseJsonObject(line ?? '') ?? 'it does not answer'
}

/** A credential as it crosses the socket, with the end of its token in milliseconds since 1970. */
export function writeCredential({ username, password }: Credential, expires?: number): string {
  return JSON.stringify({ username, password: password.reveal(), expires })
}

/** Reads a credential that crossed the socket; undefined for what cannot be one. Never throws. */
export function readCredential(message: JsonObject | undefined): Credential | undefined {
  const username = stringMember(message, 'username') ?? ''
  const password = stringMember(message, 'password') ?? ''
  const usable = /^[\x21-\x7e]{1,256}$/.test(username) && /^[\x21-\x7e]{1,65536}$/.test(password)
  return usable ? { username, password: new Secret(password) } : undefined
}

/**
 * The agent's answer, or that of a lookup, which then becomes the agent's. Whatever is wrong with the
 * agent, the lookup is made as if there were none.
 */
export async function throughAgent(feed: Feed, lookUp: Lookup, system: System): Promise<Credential | undefined> {
  const found = await reachAgent(system)
  const starts = found === NO_AGENT && isOn(system, 'ARTIFACTS_KEYRING_NOFUSS_AGENT')
  const connection = starts ? await (await import('./start.ts')).startAgent(MOST_MINUTES, system) : found
  const alone = (why: string): Promise<Credential | undefined> => {
    debug(system, `no agent is used: ${why}`)
    return lookUp()
  }
  if (typeof connection === 'string') return alone(connection)
  connection.write(JSON.stringify({ ask: 'get', organization: feed.organization, key: identityKey(feed, system) }))
  let line = await connection.read(REPLY_MS)
  // The other half of the time that is left to this call is for a lookup of its own.
  if (line === 'wait') line = await connection.read((system.endsAt - system.now()) / 2)
  if (line === 'lead') return lead(connection, lookUp)
  connection.close()
  const credential = readCredential(parseJsonObject(line ?? ''))
  if (line === 'alone') return alone('it has no answer')
  if (credential === undefined) return alone('it does not answer, or not in time')
  debug(system, 'the answer comes from the agent')
  return credential
}

/** Makes a lookup for the agent too. What it did not lead to, nobody waits for any longer. */
async function lead(connection: LineConnection, lookUp: Lookup): Promise<Credential | undefined> {
  let result = 'nothing'
  try {
    const credential = await lookUp()
    if (credential === undefined) return undefined
    const { expiryMs, readClaims } = await import('../identity/claims.ts')
    result = writeCredential(credential, expiryMs(readClaims(credential.password) ?? {}))
    return credential
  } finally {
    connection.write(result)
    connection.close()
  }
}

/**
 * Variables that say how a call is made, not for whom. PATH counts by the programs found on it: pip
 * puts a folder in front of it for every build.
 */
const INDIFFERENT = /^(PATH|ARTIFACTS_KEYRING_NOFUSS_(AGENT|DEBUG|LOG|RETRIES|TIMEOUT))$/

const FILE_LIMIT = 1_048_576

/**
 * A SHA-256 of all that decides whose credential this is and what it may do: two calls share an answer
 * only where it is the same. Covers every other variable that this program knows, every one of az and
 * azd, keyringrc.cfg, the files that variables name, az's list of accounts, and who the user is.
 */
export function identityKey(feed: Feed, system: System): string {
  const decides = (name: string): boolean => Object.hasOwn(VARIABLES, name) || /^AZ/.test(name)
  const variables = Object.entries(system.env).filter(([name]) => decides(name) && !INDIFFERENT.test(name))
  const accounts = setting(system, 'AZURE_CONFIG_DIR') ?? `${homeFolder(system)}/.azure`
  const certificate = setting(system, 'AZURE_CLIENT_CERTIFICATE_PATH')
  const assertion = setting(system, 'AZURE_FEDERATED_TOKEN_FILE')
  const paths = [configFile(system), `${accounts}/azureProfile.json`, certificate, assertion]
  const everything = [
    [system.uid, system.home(), new URL(feed.url).host, feed.organization, feed.upload],
    variables.sort(([a], [b]) => (a < b ? -1 : 1)),
    paths.map((path) => path !== undefined && system.readFile(path, FILE_LIMIT, 'lenient')),
    ['az', 'azd', 'pwsh'].map((name) => findProgram(system, name)),
  ]
  return createHash('sha256').update(JSON.stringify(everything)).digest('hex')
}
