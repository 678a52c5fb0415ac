import { join } from 'node:path'
import { AZURE_DEVOPS } from './identities.ts'
import { logLines, quote, writeScript } from './shell-script.ts'

/** How a fake `azd` answers. */
export interface FakeAzd {
  /** Gets one line a start: `azd` and the arguments, separated by tabs. */
  readonly log: string
  /** The token; absent: nobody is signed in. */
  readonly token?: string
  /** Written to stderr as it is. */
  readonly stderr?: string
  readonly exitCode?: number
  readonly delaySeconds?: number
  /** Written to stdout in the place of the JSON. */
  readonly raw?: string
}

const EXPECTED = `auth token --output json --no-prompt --scope ${AZURE_DEVOPS}/.default`
const SIGNED_OUT = `${JSON.stringify({
  error: 'fetching token: not logged in, run `azd auth login` to login',
  message: 'not logged in, run `azd auth login` to login',
  suggestion: 'Run `azd auth login` to acquire a new token.',
})}\n`

/** Writes a program `azd` that only knows how to give a token. Returns its path. */
export function writeFakeAzd(directory: string, options: FakeAzd): string {
  const { token, raw, stderr, delaySeconds } = options
  const nothing = token === undefined && raw === undefined
  const exitCode = options.exitCode ?? (nothing ? 1 : 0)
  const message = stderr ?? (nothing && options.exitCode === undefined ? SIGNED_OUT : undefined)
  const expiresOn = new Date(Date.now() + 3_599_000).toISOString().replace(/\.\d+Z$/, 'Z')
  const text = raw ?? (exitCode === 0 ? `${JSON.stringify({ token, expiresOn })}\n` : undefined)
  return writeScript(join(directory, 'azd'), [
    ...logLines('azd', options.log),
    'usage() { echo "ERROR: unknown flag or command: $*" >&2; exit 1; }',
    '[ $# -eq 7 ] || [ $# -eq 9 ] || usage "$@"',
    `[ "$1 $2 $3 $4 $5 $6 $7" = ${quote(EXPECTED)} ] || usage "$@"`,
    'if [ $# -eq 9 ]; then [ "$8" = --tenant-id ] && [ -n "$9" ] || usage "$@"; fi',
    ...(delaySeconds === undefined ? [] : [`sleep ${delaySeconds}`]),
    ...(message === undefined ? [] : [`printf %s ${quote(message)} >&2`]),
    ...(text === undefined ? [] : [`printf %s ${quote(text)}`]),
    `exit ${exitCode}`,
  ])
}
