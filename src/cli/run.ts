import { KeyringError } from '../system/errors.ts'
import { log } from '../system/log.ts'
import { wholeNumber } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import { chosenBackend, OWN_BACKEND } from './backends.ts'
import { parseArguments } from './parse-arguments.ts'
import type { Arguments, Parsed } from './parse-arguments.ts'

/** Commands that Python keyring does not have. They read their own options. */
interface Verb {
  readonly name: string
  readonly load: () => Promise<(argv: readonly string[], system: System) => Promise<Outcome>>
}

const HELP: Parsed = { kind: 'help' }

/** An exit status, or what remains to be done for one, which may take longer than a call. */
type Outcome = number | (() => Promise<number>)

const VERBS: readonly Verb[] = [
  { name: 'mint-token', load: async () => (await import('./mint-token.ts')).mintTokenCommand },
  { name: 'exec', load: async () => (await import('./exec.ts')).execCommand },
  { name: 'agent', load: async () => (await import('./agent.ts')).agentCommand },
]

/**
 * One call of the program, from its arguments to its exit status: 0 found, 1 not found or refused,
 * 2 wrong usage.
 */
export async function run(argv: readonly string[], world: System): Promise<number> {
  const verb = VERBS.find((row) => row.name === argv[0])
  if (verb !== undefined && !isHelp(argv[1])) return runVerb(verb, argv.slice(1), world)
  const parsed = verb === undefined ? parseArguments(argv) : HELP
  if (parsed.kind === 'help') return print((await import('./usage.ts')).help(), world)
  if (parsed.kind === 'version') return print((await import('./usage.ts')).VERSION_LINE, world)
  if (parsed.kind === 'usage') return usageError(parsed.message, world)
  return bounded(world, (system) => perform(parsed, system))
}

function isHelp(text: string | undefined): boolean {
  return text === '-h' || text === '--help'
}

async function runVerb(verb: Verb, argv: readonly string[], world: System): Promise<number> {
  const command = await verb.load()
  return bounded(world, (system) => command(argv, system))
}

/** Runs a call within its time, and tells what went wrong. */
async function bounded(
  world: System,
  call: (system: System) => Promise<Outcome>,
): Promise<number> {
  const { system, end } = withDeadline(world)
  try {
    const outcome = await Promise.race([call(system), outOfTime(system)])
    end()
    return typeof outcome === 'number' ? outcome : await outcome()
  } catch (error) {
    const wrongUsage = error instanceof KeyringError && error.code === 'USAGE'
    return wrongUsage ? usageError(error.message, system) : report(error, system)
  } finally {
    end()
  }
}

async function perform(call: Arguments, system: System): Promise<number> {
  if (call.options.has('--list-backends')) return print(`${OWN_BACKEND}\n`, system)
  if (call.options.has('--disable')) return (await import('./config-file.ts')).disable(system)
  if (call.operation === 'diagnose') return (await import('./config-file.ts')).diagnose(system)
  const problem = missingArguments(call)
  if (problem !== undefined) return usageError(problem, system)
  const backend = chosenBackend(call, system)
  if (backend === 'unknown') return usageError('Unable to load specified keyring: there is none here', system)
  if (call.operation === 'get') return backend === 'null' ? 1 : get(call, system)
  if (call.operation === 'set') await system.drainInput()
  if (backend === 'null') return 0
  if (call.operation === 'del' && (await (await import('./agent.ts')).forget(call.service, system))) return 0
  const what = call.operation === 'set' ? 'nothing was stored' : 'there is nothing to delete'
  log(system, 'error', `this keyring is read-only: ${what}`)
  return 1
}

async function get(call: Arguments, system: System): Promise<number> {
  const { service = '', username, options } = call
  if (/[\x00-\x1f\x7f]/.test(username ?? '')) {
    throw new KeyringError('SERVICE_REFUSED', 'the username contains a control character')
  }
  const { sharedLookup } = await import('../agent/shared-lookup.ts')
  const credential = await sharedLookup(service, system)
  if (credential === undefined) return 1
  const { answer } = await import('./answer.ts')
  const mode = options.get('--mode') ?? 'password'
  const output = options.get('--output') ?? 'plain'
  return print(answer(credential, { mode, output, username }), system)
}

/** What Python keyring's `_check_args` and `invalid_op` say. */
function missingArguments(call: Arguments): string | undefined {
  const { operation, service, username } = call
  if (operation === undefined) return 'Specify operation (get, set, del, diagnose).'
  const needsUsername = operation !== 'get' || call.options.get('--mode') !== 'creds'
  const complete = service !== undefined && (username !== undefined || !needsUsername)
  return complete ? undefined : `${operation} requires service${needsUsername ? ' and username' : ''}`
}

function print(text: string, system: System): number {
  return system.writeOut(text) ? 0 : 1
}

async function usageError(message: string, system: System): Promise<number> {
  system.writeErr((await import('./usage.ts')).USAGE)
  log(system, 'error', message)
  return 2
}

/** One line for what failed, one for each thing to do; a bug of ours says only that it is one. */
function report(error: unknown, system: System): number {
  if (error instanceof KeyringError) {
    log(system, 'error', error.message)
    for (const hint of error.hints) log(system, 'hint', hint)
    return 1
  }
  const name = error instanceof Error ? error.name : typeof error
  log(system, 'error', `internal error (${name}); please report it`)
  return 1
}

/** The same world, but it ends after ARTIFACTS_KEYRING_NOFUSS_TIMEOUT seconds (default 60). */
function withDeadline(world: System): { readonly system: System; readonly end: () => void } {
  const bounds = { least: 1, most: 3600, fallback: 60 }
  const ms = wholeNumber(world, 'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT', bounds) * 1000
  const over = new AbortController()
  const end = world.limit(ms, () => over.abort())
  return { system: { ...world, signal: over.signal, endsAt: world.now() + ms }, end }
}

/** The last resort against a wait that does not notice the end of the call's time. */
async function outOfTime(system: System): Promise<never> {
  await new Promise((resolve) => system.signal.addEventListener('abort', resolve, { once: true }))
  // A wait that does notice says what it waited for: let it speak first.
  await system.sleep(200, new AbortController().signal)
  const hint = 'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT sets how many seconds a call may take'
  throw new KeyringError('TIMEOUT', 'the time of this call is over', hint)
}
