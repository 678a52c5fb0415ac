/** What `get` prints: the password alone, or username and password. */
const MODES = ['password', 'creds'] as const

/** How `get` prints it. */
const OUTPUTS = ['plain', 'json'] as const

/** The shells for which there is a completion script. Python keyring has none for fish. */
export const SHELLS = ['bash', 'zsh', 'tcsh', 'fish'] as const

/** The first word of a command line. */
export const OPERATIONS = ['get', 'set', 'del', 'diagnose'] as const

/** One option of the command line. */
export interface Option {
  /** The long name first after the short one, as they are shown. */
  readonly names: readonly string[]
  /** What its value is called; undefined for an option without a value. */
  readonly value?: string
  readonly choices?: readonly string[]
  readonly help: string
}

/** The options of Python keyring 25.7 (`keyring/cli.py`, `completion.py`), and `--version`. */
export const OPTIONS = [
  { names: ['-h', '--help'], help: 'show this help and exit' },
  { names: ['-p', '--keyring-path'], value: 'DIR', help: 'accepted and ignored' },
  { names: ['-b', '--keyring-backend'], value: 'NAME', help: 'a backend by its Python name' },
  { names: ['--list-backends'], help: 'list keyring backends and exit' },
  { names: ['--disable'], help: 'disable keyring and exit' },
  { names: ['--mode'], value: 'MODE', choices: MODES, help: 'what get prints' },
  { names: ['--output'], value: 'FORMAT', choices: OUTPUTS, help: 'how get prints it' },
  { names: ['--print-completion'], value: 'SHELL', choices: SHELLS, help: 'print a completion script' },
  { names: ['--version'], help: 'show the version and exit' },
] as const satisfies readonly Option[]

/** A command line that was understood. */
export interface Arguments {
  readonly kind: 'arguments'
  readonly operation: (typeof OPERATIONS)[number] | undefined
  readonly service: string | undefined
  readonly username: string | undefined
  /** By the long name of the option; an option without a value has an empty one. */
  readonly options: ReadonlyMap<string, string>
}

/** A command line that was not understood, or that asks for help. */
export type Parsed =
  | Arguments
  /** The topic is the first word, where there is one: `get --help`. */
  | { readonly kind: 'help'; readonly topic: string | undefined }
  | { readonly kind: 'completion'; readonly shell: (typeof SHELLS)[number] }
  | { readonly kind: 'version' }
  | { readonly kind: 'usage'; readonly message: string }

/**
 * Reads a command line as Python's argparse does for keyring 25.7, and accepts options between the
 * positional arguments too, where argparse does not.
 */
export function parseArguments(argv: readonly string[]): Parsed {
  if (argv[0] === 'help') return { kind: 'help', topic: argv[1] }
  if (argv[0] === 'version') return argv.length === 1 ? { kind: 'version' } : { kind: 'help', topic: 'version' }
  const positionals: string[] = []
  const unknown: string[] = []
  const options = new Map<string, string>()
  for (let at = 0; at < argv.length; at += 1) {
    const text = argv[at] ?? ''
    if (text === '--') {
      positionals.push(...argv.slice(at + 1))
      break
    }
    if (!looksLikeOption(text)) {
      positionals.push(text)
      const problem = positionals.length === 1 ? operationProblem(text) : undefined
      if (problem !== undefined) return usage(problem)
      continue
    }
    const match = matchOption(text)
    if (match.length > 1) return usage(`ambiguous option: ${masked(text)} could match ${names(match)}`)
    const [found] = match
    if (found === undefined) {
      unknown.push(text)
      continue
    }
    const next = argv[at + 1]
    const takesNext = found.option.value !== undefined && found.attached === undefined
    const value = takesNext && next !== undefined && !looksLikeOption(next) ? next : found.attached
    const problem = valueProblem(found.option, value)
    if (problem !== undefined) return usage(problem)
    const name = longName(found.option)
    // These are answered where they stand: what follows them is not looked at any more.
    if (name === '--help') return { kind: 'help', topic: positionals[0] }
    if (name === '--version') return { kind: 'version' }
    const shell = name === '--print-completion' ? SHELLS.find((known) => known === value) : undefined
    if (shell !== undefined) return { kind: 'completion', shell }
    if (takesNext) at += 1
    options.set(name, value ?? '')
  }
  return checked(positionals, unknown, options)
}

function checked(
  positionals: readonly string[],
  unknown: readonly string[],
  options: ReadonlyMap<string, string>,
): Parsed {
  const [first, service, username, ...more] = positionals
  const problem = first === undefined ? undefined : operationProblem(first)
  if (problem !== undefined) return usage(problem)
  const rest = [...unknown, ...more]
  // A stray word may be a password: only options are repeated.
  const shown = rest.map((text) => (text.startsWith('-') ? masked(text) : '…'))
  if (rest.length > 0) return usage(`unrecognized arguments: ${shown.join(' ')}`)
  const operation = OPERATIONS.find((name) => name === first)
  return { kind: 'arguments', operation, service, username, options }
}

interface Match {
  readonly option: Option
  /** The value in the same argument: `--mode=creds`, `-bNAME`. */
  readonly attached: string | undefined
}

/** The options that an argument can mean: one, none, or several where an abbreviation is ambiguous. */
function matchOption(text: string): readonly Match[] {
  const options: readonly Option[] = OPTIONS
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  const attached = equals < 0 ? undefined : text.slice(equals + 1)
  const exact = options.find((option) => option.names.includes(name))
  if (exact !== undefined) return [{ option: exact, attached }]
  if (text.startsWith('--')) {
    const abbreviated = options.filter((option) => longName(option).startsWith(name))
    return abbreviated.map((option) => ({ option, attached }))
  }
  const short = options.find((option) => option.names.includes(text.slice(0, 2)))
  // Behind -h comes what argparse from Python 3.13.1 on does not look at either.
  return short === undefined ? [] : [{ option: short, attached: short.value && text.slice(2) }]
}

/** argparse: a lone hyphen, a negative number and text with a space are no options. */
function looksLikeOption(text: string): boolean {
  if (!text.startsWith('-') || text === '-' || /^-(\d+|\d*\.\d+)$/.test(text)) return false
  return !text.includes(' ') || matchOption(text).length > 0
}

function valueProblem(option: Option, value: string | undefined): string | undefined {
  const label = option.names.join('/')
  if (option.value === undefined) {
    return value === undefined ? undefined : `argument ${label}: ignored explicit argument`
  }
  if (value === undefined) return `argument ${label}: expected one argument`
  if (option.choices === undefined || option.choices.includes(value)) return undefined
  return `argument ${label}: invalid choice: '${masked(value)}' (choose from ${quoted(option.choices)})`
}

function operationProblem(text: string): string | undefined {
  if (OPERATIONS.some((name) => name === text)) return undefined
  return `argument operation: invalid choice: '${masked(text)}' (choose from ${quoted(OPERATIONS)})`
}

function usage(message: string): Parsed {
  return { kind: 'usage', message }
}

function longName(option: Option): string {
  return option.names.at(-1) ?? ''
}

function names(matches: readonly Match[]): string {
  return matches.map((match) => longName(match.option)).join(', ')
}

function quoted(choices: readonly string[]): string {
  return choices.map((choice) => `'${choice}'`).join(', ')
}

/** An argument as it may be repeated on stderr: the name of an option, a plain word, nothing else. */
function masked(text: string): string {
  const name = text.split('=', 1)[0] ?? ''
  if (text === '') return text
  return /^-?-?[A-Za-z][\w-]{0,30}$/.test(name) && (text.startsWith('-') || name === text) ? name : '…'
}
