import { OPTIONS } from './options.ts'
import type { Option } from './options.ts'
import { VERSION } from '../version.ts'

/** The first lines of help, shown with every usage error. */
export const USAGE = `usage: keyring [options] get SERVICE [USERNAME]
       keyring [options] {set,del} SERVICE USERNAME
       keyring mint-token [--tenant T] [--client-id ID] [--resource R]
                          [--provider P] [--output-file F]
       keyring exec [--tenant T] [--client-id ID] [--resource R]
                    [--provider P] -- COMMAND...
       keyring agent {start [--ttl MINUTES],status,stop,clear}
       keyring diagnose | --list-backends | --disable | --help | --version
`

/** What `--version` prints. */
export const VERSION_LINE = `keyring-compatible artifacts-keyring-nofuss ${VERSION}\n`

/** What `--help` prints. */
export function help(): string {
  const options: readonly Option[] = OPTIONS
  const rows = options.map((option) => `  ${synopsis(option).padEnd(32)}${option.help}`)
  return `${USAGE}
Prints the credential for an Azure DevOps Artifacts feed.

options:
${rows.join('\n')}

examples:
  keyring get https://pkgs.dev.azure.com/ORG/_packaging/FEED/pypi/simple/ me
  keyring --mode creds --output json get https://pkgs.dev.azure.com/ORG/...

exit status: 0 found, 1 not found or refused, 2 wrong usage
`
}

function synopsis(option: Option): string {
  const value = option.choices === undefined ? option.value : `{${option.choices.join(',')}}`
  return value === undefined ? option.names.join(', ') : `${option.names.join(', ')} ${value}`
}
