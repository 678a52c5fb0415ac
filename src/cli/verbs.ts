import { type Option, OPTIONS } from './parse-arguments.ts'

/** A verb, as help and completion tell of it. */
export interface VerbHelp {
  readonly name: string
  /** What stands behind the name. */
  readonly takes: string
  readonly does: string
  readonly options: readonly Option[]
  readonly examples: readonly string[]
}

const FEED = 'https://pkgs.dev.azure.com/ORG/_packaging/FEED/pypi/simple/'
const GET = OPTIONS.filter(({ names }) => /-mode|-output|-backend/.test(names.join()))
const MINT: readonly Option[] = [
  { names: ['--tenant'], value: 'ID', help: 'the Entra tenant' },
  { names: ['--client-id'], value: 'ID', help: 'the application' },
  { names: ['--resource'], value: 'ID', help: 'what it is for, if not Azure DevOps' },
  { names: ['--provider'], value: 'NAME', help: 'the only provider to use' },
]
const OUTPUT_FILE: Option = { names: ['--output-file'], value: 'FILE', help: 'where to write it, mode 0600' }

/** Every verb, in the order of help: those of Python keyring, then ours. */
export const VERB_HELP: readonly VerbHelp[] = [
  { name: 'get', takes: 'SERVICE [USERNAME] [OPTION...]', does: 'print the credential for a feed', options: GET,
    examples: [`get ${FEED} me`, `get --mode creds --output json \\\n    ${FEED}`] },
  { name: 'set', takes: 'SERVICE USERNAME', does: 'store nothing, and say so', options: [], examples: ['set SERVICE me'] },
  { name: 'del', takes: 'SERVICE USERNAME', does: 'delete nothing, and say so', options: [], examples: ['del SERVICE me'] },
  { name: 'diagnose', takes: '', does: 'show where the configuration is', options: [], examples: ['diagnose'] },
  { name: 'doctor', takes: '[URL] [--output json]', does: 'why it fails, and what to do next',
    options: OPTIONS.filter(({ names }) => names.join() === '--output'), examples: [`doctor ${FEED}`] },
  { name: 'mint-token', takes: '[OPTION...]', does: "print a token of the job's identity",
    options: [...MINT, OUTPUT_FILE], examples: ['mint-token --output-file token', 'mint-token --provider azure_cli'] },
  { name: 'exec', takes: '[OPTION...] -- COMMAND...', does: 'run a command that has such a token', options: MINT,
    examples: ['exec -- pip install my-private-package'] },
  { name: 'agent', takes: 'start [--ttl MINUTES]|status|stop|clear', does: 'keep answers in memory for calls',
    options: [{ names: ['--ttl'], value: 'MINUTES', help: 'how long to keep an answer: 1 to 50' }], examples: ['agent start', 'agent status'] },
  { name: 'help', takes: '[VERB]', does: 'show this, or the help of a verb', options: [], examples: ['help get'] },
  { name: 'version', takes: '', does: 'show the version', options: [], examples: ['version'] },
]
