/** What `get` prints: the password alone, or username and password. */
export const MODES = ['password', 'creds'] as const

/** How `get` prints it. */
export const OUTPUTS = ['plain', 'json'] as const

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

/** The long name of an option. */
export type OptionName = (typeof OPTIONS)[number]['names'][number]
