import { VERSION } from '../version.ts'
import { type Option, OPTIONS } from './parse-arguments.ts'
import { VERB_HELP } from './verbs.ts'

/** The first lines of help, shown with every usage error. */
export const USAGE = `usage: keyring [OPTION...] get SERVICE [USERNAME]
       keyring [OPTION...] VERB [ARGUMENT...]
       keyring help [VERB]
`

/** What `--version` prints. */
export const VERSION_LINE = `keyring-compatible artifacts-keyring-nofuss ${VERSION}\n`

/** What `--help` prints or, for a verb, `help VERB`. No line has more than 80 characters. */
export function help(topic?: string): string {
  const verb = VERB_HELP.find(({ name }) => name === topic)
  const options = section('options', (verb?.options ?? OPTIONS).map((option) => row(synopsis(option), option.help)))
  const examples = verb?.examples ?? VERB_HELP.flatMap((each) => (each.options.length > 0 ? each.examples : []))
  const commands = section('examples', examples.map((command) => `keyring ${command}`))
  if (verb !== undefined) {
    return `usage: keyring ${verb.name} ${verb.takes}`.trimEnd() + `\n\n${verb.does}\n${options}${commands}`
  }
  const verbs = section('verbs', VERB_HELP.map(({ name, takes, does }) => row(`${name} ${takes}`, does)))
  return `${USAGE}
Prints the credential for an Azure DevOps Artifacts feed.
${verbs}${options}${commands}
exit status: 0 found, 1 not found or refused, 2 wrong usage
`
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`
}

function row(left: string, right: string): string {
  return `${left.padEnd(40)} ${right}`
}

function synopsis(option: Option): string {
  const value = option.choices === undefined ? option.value : `{${option.choices.join(',')}}`
  return value === undefined ? option.names.join(', ') : `${option.names.join(', ')} ${value}`
}
