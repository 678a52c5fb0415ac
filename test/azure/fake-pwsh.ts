import { join } from 'node:path'
import { logLines, quote, writeScript } from './shell-script.ts'

/** How a fake `pwsh` answers. */
export interface FakePwsh {
  /** Gets one line a start: the program's name and the arguments, separated by tabs. */
  readonly log: string
  /** The token; absent: nobody is signed in. */
  readonly token?: string
  /** Written to stderr as it is. */
  readonly stderr?: string
  /** Written to stdout in the place of everything else. */
  readonly stdout?: string
  readonly exitCode?: number
  /** The module Az.Accounts is not installed. */
  readonly noModule?: boolean
  readonly delaySeconds?: number
  /** `pwsh` unless told otherwise. */
  readonly name?: string
}

const EXPECTED = '-NoProfile -NonInteractive -OutputFormat Text -EncodedCommand'
const SIGNED_OUT = 'Get-AzAccessToken : Run Connect-AzAccount to login.\n'
const NOISE = 'Loading personal and system profiles took 512ms.\n'

/**
 * Writes a program `pwsh` that runs no script: it takes every one for the script that asks
 * Az.Accounts for a token. Returns its path.
 */
export function writeFakePwsh(directory: string, options: FakePwsh): string {
  const { token, stderr, noModule = false, delaySeconds, name = 'pwsh' } = options
  const nothing = token === undefined && options.stdout === undefined && !noModule
  const exitCode = options.exitCode ?? (nothing ? 1 : 0)
  const message = stderr ?? (nothing && options.exitCode === undefined ? SIGNED_OUT : undefined)
  const seconds = Math.floor(Date.now() / 1000) + 3599
  const json = `${NOISE}${JSON.stringify({ Token: token, ExpiresOn: seconds })}\n`
  const usual = noModule ? 'NO_AZ_ACCOUNT_MODULE\n' : exitCode === 0 ? json : undefined
  const text = options.stdout ?? usual
  return writeScript(join(directory, name), [
    ...logLines(name, options.log),
    'usage() { echo "The argument is not recognized: $*" >&2; exit 64; }',
    '[ $# -eq 6 ] || usage "$@"',
    `[ "$1 $2 $3 $4 $5" = ${quote(EXPECTED)} ] || usage "$@"`,
    'case $6 in *[!A-Za-z0-9+/=]* | "") usage "$@" ;; esac',
    ...(delaySeconds === undefined ? [] : [`sleep ${delaySeconds}`]),
    ...(message === undefined ? [] : [`printf %s ${quote(message)} >&2`]),
    ...(text === undefined ? [] : [`printf %s ${quote(text)}`]),
    `exit ${exitCode}`,
  ])
}
