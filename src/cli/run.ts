import { KeyringError, log, show } from '../system/messages.ts'
import { isOn, isSet, setting, wholeNumber } from '../system/settings.ts'
import type { System, World } from '../system/system.ts'
import { type Arguments, parseArguments, type Parsed } from './parse-arguments.ts'

/** Commands that Python keyring does not have. They read their own options. */
interface Verb {
  readonly name: string
  readonly load: () => Promise<(argv: readonly string[], system: System) => Promise<Outcome>>
}

/** An exit status, or what remains to be done for one, which may take longer than a call. */
type Outcome = number | (() => Promise<number>)

const VERBS: readonly Verb[] = [
  { name: 'mint-token', load: async () => (await import('./mint.ts')).mintTokenCommand },
  { name: 'doctor', load: async () => (await import('./doctor.ts')).doctorCommand },
  { name: 'exec', load: async () => (await import('./mint.ts')).execCommand },
  { name: 'agent', load: async () => (await import('./agent.ts')).agentCommand },
]

/**
 * One call of the program, from its arguments to its exit status: 0 found, 1 not found or refused,
 * 2 wrong usage.
 */
export async function run(argv: readonly string[], outside: World): Promise<number> {
  const world = isPip(argv) ? outside : { ...outside, writeTerminal: async () => {} }
  const verb = VERBS.find((row) => row.name === argv[0])
  if (verb !== undefined && !asksForHelp(argv)) return runVerb(verb, argv.slice(1), world)
  const parsed: Parsed = verb === undefined ? parseArguments(argv) : { kind: 'help', topic: verb.name }
  if (parsed.kind === 'help') return print((await import('./usage.ts')).help(parsed.topic), world)
  if (parsed.kind === 'completion') return print((await import('./completion.ts')).completion(parsed.shell), world)
  if (parsed.kind === 'version') return print((await import('./usage.ts')).VERSION_LINE, world)
  if (parsed.kind === 'usage') return usageError(parsed.message, world)
  return bounded(world, (system) => perform(argv, parsed, system))
}

/** pip from 26.2 on asks like this (`network/auth.py`), and throws stderr away. */
function isPip(argv: readonly string[]): boolean {
  return argv.slice(0, 3).join(' ') === '--mode=creds --output=json get' && [4, 5].includes(argv.length)
}

/** What stands behind `--` is for somebody else. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? argv.length : end).some((text) => text === '-h' || text === '--help')
}

async function runVerb(verb: Verb, argv: readonly string[], world: World): Promise<number> {
  const command = await verb.load()
  return bounded(world, (system) => command(argv, system))
}

/** Runs a call within its time, and tells what went wrong. */
async function bounded(world: World, call: (system: System) => Promise<Outcome>): Promise<number> {
  const { system, expired, end } = withDeadline(world)
  try {
    const outcome = await Promise.race([call(system), expired])
    end()
    return typeof outcome === 'number' ? outcome : await outcome()
  } catch (error) {
    const wrongUsage = error instanceof KeyringError && error.code === 'USAGE'
    return wrongUsage ? usageError(error.message, system) : report(error, system)
  } finally {
    end()
  }
}

async function perform(argv: readonly string[], call: Arguments, system: System): Promise<Outcome> {
  if (call.options.has('--list-backends')) return print(`${(await import('./backends.ts')).OWN_BACKEND}\n`, system)
  if (call.options.has('--disable')) return (await import('./config-file.ts')).disable(system)
  if (call.operation === 'diagnose') return (await import('./config-file.ts')).diagnose(system)
  const problem = missingArguments(call)
  if (problem !== undefined) return usageError(problem, system)
  if (isOn(system, 'ARTIFACTS_KEYRING_NOFUSS_DELEGATE')) {
    const other = (await import('./delegate.ts')).delegate(argv, call.service ?? '', system)
    if (other !== undefined) return other
  }
  const backend = await chosenBackend(call, system)
  if (backend === 'unknown') return usageError('Unable to load specified keyring: there is none here', system)
  if (call.operation === 'get') return backend === 'null' ? 1 : get(call, system)
  if (call.operation === 'set') await system.drainInput(system.signal)
  if (backend === 'null') return 0
  if (call.operation === 'del' && (await (await import('./agent.ts')).forget(call.service, system))) return 0
  const what = call.operation === 'set' ? 'nothing was stored' : 'there is nothing to delete'
  log(system, 'error', `this keyring is read-only: ${what}`)
  return 1
}

async function get(given: Arguments, system: System): Promise<number> {
  // The Python backend of that name wraps the call that it means.
  const wrapped = given.service === 'keyring-subprocess'
  const call = wrapped ? (await import('./wrapped-call.ts')).unwrap(given) : given
  const { service = '', username, options } = call
  if (/[\x00-\x1f\x7f]/.test(username ?? '')) {
    throw new KeyringError('SERVICE_REFUSED', 'the username contains a control character')
  }
  // Beside a token in our own variable there is nothing to share, and nothing more is loaded.
  const credential = isSet(system, 'ARTIFACTS_KEYRING_NOFUSS_TOKEN')
    ? await (await import('../get-credential.ts')).getCredential(service, system)
    : await (await import('../agent/shared-lookup.ts')).sharedLookup(service, system)
  if (credential === undefined) return 1
  const { answer } = await import('./answer.ts')
  const mode = options.get('--mode') ?? 'password'
  const output = options.get('--output') ?? 'plain'
  return print(answer(credential, { mode, output, username }), system)
}

/** Other backends than ours are only known where one is named. */
async function chosenBackend(call: Arguments, system: System): Promise<'own' | 'null' | 'unknown'> {
  const isNamed = call.options.has('--keyring-backend') || setting(system, 'PYTHON_KEYRING_BACKEND') !== undefined
  return isNamed ? (await import('./backends.ts')).chosenBackend(call, system) : 'own'
}

/** What Python keyring's `_check_args` and `invalid_op` say. */
function missingArguments(call: Arguments): string | undefined {
  const { operation, service, username } = call
  if (operation === undefined) return 'Specify operation (get, set, del, diagnose).'
  const needsUsername = operation !== 'get' || call.options.get('--mode') !== 'creds'
  const complete = service !== undefined && (username !== undefined || !needsUsername)
  return complete ? undefined : `${operation} requires service${needsUsername ? ' and username' : ''}`
}

function print(text: string, system: World): number {
  return system.writeOut(text) ? 0 : 1
}

async function usageError(message: string, system: World): Promise<number> {
  system.writeErr((await import('./usage.ts')).USAGE)
  log(system, 'error', message)
  return 2
}

/** One line for what failed, one for each thing to do; a bug of ours says only that it is one. */
async function report(error: unknown, system: System): Promise<number> {
  const name = error instanceof Error ? error.name : typeof error
  const known = error instanceof KeyringError
  const message = known ? error.message : `internal error (${name}); please report it`
  const hints = known ? error.hints.map((hint) => ['hint', hint] as const) : []
  await show(system, [['error', message], ...hints])
  return 1
}

/** A call's own view of the world, and what becomes of it when its time is over. */
interface Deadline {
  readonly system: System
  /** Rejected with TIMEOUT some time after `system.signal`: a wait that notices it says what it waited for. */
  readonly expired: Promise<never>
  readonly end: () => void
}

/**
 * Ends a call after ARTIFACTS_KEYRING_NOFUSS_TIMEOUT seconds (default 60). The clock is set when something
 * first asks for the signal, in order to wait: most calls for a ready-made token never do.
 */
function withDeadline(world: World): Deadline {
  const bounds = { least: 1, most: 3600, fallback: 60 }
  const endsAt = world.now() + wholeNumber(world, 'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT', bounds) * 1000
  let clock: { readonly signal: AbortSignal; readonly stop: () => void } | undefined
  let giveUp: (error: KeyringError) => void = () => {}
  const expired = new Promise<never>((_, reject) => (giveUp = reject))
  const start = (): NonNullable<typeof clock> => {
    const over = new AbortController()
    const stop = world.limit(endsAt - world.now(), () => {
      over.abort()
      void outOfTime(world).then(giveUp)
    })
    return { signal: over.signal, stop }
  }
  const system = { ...world, endsAt, get signal() { return (clock ??= start()).signal } }
  return { system, expired, end: () => clock?.stop() }
}

/** The last resort against a wait that does not notice the end of the call's time. */
async function outOfTime(world: World): Promise<KeyringError> {
  // A wait that does notice says what it waited for: let it speak first.
  await world.sleep(200, new AbortController().signal)
  const hint = 'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT sets how many seconds a call may take'
  return new KeyringError('TIMEOUT', 'the time of this call is over', hint)
}
