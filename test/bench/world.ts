import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBehaviours } from '../azure/behaviours.ts'
import { createCertificateAssertions } from '../azure/certificate-assertions.ts'
import { AZURE_DEVOPS } from '../azure/identities.ts'
import { writeFakeAz } from '../azure/programs.ts'
import type { Handler, ReceivedRequest } from '../azure/received.ts'
import { createRoutes } from '../azure/routes.ts'
import { logLines, quote, writeScript } from '../azure/shell-script.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { requirementsPath } from '../clients/installed.ts'
import { BIN, newMachine, runProgram } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'

/** The feed that is asked for. */
export const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

/** The host that gives an application its token. */
const ENTRA = 'login.microsoftonline.com'
/** The host that exchanges a user's. */
const EXCHANGE = 'vssps.dev.azure.com'

/** Starts an Azure that also answers Python's program, with the same work as for this one. */
export async function startAzure(): Promise<StandIn> {
  const azure = await startStandIn({ az: true })
  const certificates = createCertificateAssertions()
  const world = { tokens: azure.tokens, behaviours: createBehaviours(), certificates, uploads: [] }
  const routes = createRoutes(world, true)
  const amended = (host: string, amend: (request: ReceivedRequest) => ReceivedRequest): Handler =>
    (request, response) => routes(host)(amend(request), response)
  azure.answer(ENTRA, amended(ENTRA, withDefaultScope))
  azure.answer(EXCHANGE, amended(EXCHANGE, withTokenType))
  return azure
}

/** The stand-in wants `/.default` after the resource, which Python's program leaves out. */
function withDefaultScope(request: ReceivedRequest): ReceivedRequest {
  const form = new URLSearchParams(request.body)
  if (form.get('scope') !== AZURE_DEVOPS) return request
  form.set('scope', `${AZURE_DEVOPS}/.default`)
  return { ...request, body: form.toString() }
}

/** The stand-in wants to be told the type of the session token, and that JSON is wanted. */
function withTokenType(request: ReceivedRequest): ReceivedRequest {
  if (request.url.searchParams.has('tokenType')) return request
  const url = new URL(request.url)
  url.searchParams.set('tokenType', 'SelfDescribing')
  return { ...request, url, headers: { ...request.headers, accept: 'application/json' } }
}

/** A machine, and the file in which each start of a program on it is a line. */
export interface LoggedMachine extends Machine {
  readonly log: string
}

/** A machine on which nobody is signed in to anything. */
export function machineWithoutAz(): LoggedMachine {
  const machine = newMachine()
  return { ...machine, log: join(machine.home, 'programs.log') }
}

/** A machine whose user is signed in to az. */
export function machineWithAz(azure: StandIn): LoggedMachine {
  const machine = machineWithoutAz()
  writeFakeAz(machine.programs, { log: machine.log, token: azure.tokens.mintUserToken() })
  return machine
}

/** The same for Python's program, which asks az in other words: `--query accessToken`. */
export function machineWithAzForPython(azure: StandIn): LoggedMachine {
  const machine = machineWithoutAz()
  const answer = JSON.stringify(azure.tokens.mintUserToken())
  const lines = [...logLines('az', machine.log), `printf '%s\\n' ${quote(answer)}`]
  writeScript(join(machine.programs, 'az'), lines)
  return machine
}

/** Whether the built program has an agent here. One that it has and that does not work is an error. */
export async function knowsAgent(node: string, machine: LoggedMachine): Promise<boolean> {
  const { stdout } = await runProgram(node, [BIN, '--help'], machine.env)
  return process.platform !== 'win32' && /\bagent\b/.test(stdout)
}

/** What Python's program is here: its packages and their versions. */
export function pythonStack(): string {
  const pins = readFileSync(requirementsPath('python-nofuss'), 'utf8')
  const version = (name: string): string => new RegExp(`^${name}==([^ ]+)`, 'm').exec(pins)?.[1] ?? '?'
  return `keyring ${version('keyring')} with artifacts-keyring-nofuss ${version('artifacts-keyring-nofuss')}`
}
