// Completion of words for four shells, made from the tables that the program itself and its help use.
import { providerNames } from '../identity/chain.ts'
import { BACKENDS } from './backends.ts'
import { OPERATIONS, type Option, OPTIONS, type SHELLS } from './parse-arguments.ts'
import { VERB_HELP } from './verbs.ts'

const VERBS = VERB_HELP.map(({ name }) => name)
/** Python keyring's verbs share its options; each of ours has its own. */
const GENERAL: readonly Option[] = OPTIONS
const OWN = VERB_HELP.filter(({ name }) => !OPERATIONS.some((operation) => operation === name))
const VALUED = [...GENERAL, ...OWN.flatMap(({ options }) => options)].filter(({ value }) => value !== undefined)

/** The script that makes a shell complete our command lines. */
export function completion(shell: (typeof SHELLS)[number]): string {
  return { bash, zsh, tcsh, fish }[shell]()
}

/** The words that can be the value of an option; `files` where it is a path. */
function values(option: Option): readonly string[] | 'files' {
  if (option.names.includes('-b')) return BACKENDS
  if (option.names.includes('--provider')) return providerNames()
  return option.value === 'DIR' || option.value === 'FILE' ? 'files' : (option.choices ?? [])
}

function namesOf(options: readonly Option[]): readonly string[] {
  return options.flatMap(({ names }) => names)
}

/** In bash and in zsh `$before` and `$verb` decide about `$choices` or `$files`. */
function cases(): string {
  const arm = (patterns: readonly string[], words: readonly string[] | 'files'): string =>
    `    ${patterns.join('|')}) ${words === 'files' ? 'files=-f' : `choices='${words.join(' ')}'`} ;;\n`
  const own = OWN.map(({ name, options }) => arm([name], name === 'help' ? VERBS : namesOf(options)))
  const verbs = [arm(OPERATIONS, namesOf(GENERAL)), ...own, arm(['*'], [...VERBS, ...namesOf(GENERAL)])].join('')
  return `  case $before in
${VALUED.map((option) => arm(option.names, values(option))).join('')}    *) case $verb in
${verbs}    esac ;;
  esac`
}

/** For bash `--mode=creds` is three words. The word 0, the program, stands for no verb yet. */
function bash(): string {
  return `_keyring() {
  local cur=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} choices= files= IFS=$' \\n'
  local verb=\${COMP_WORDS[COMP_CWORD>1]}
  if [[ $cur == = ]]; then cur=; elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
${cases()}
  [[ -z $files ]] || { IFS=$'\\n'; compopt -o filenames 2>/dev/null; }
  COMPREPLY=($(compgen $files -W "$choices" -- "$cur"))
}
complete -F _keyring keyring ak-nofuss
`
}

/** To be sourced, or to be the file `_keyring` in a folder of `fpath`. */
function zsh(): string {
  return `#compdef keyring ak-nofuss
_keyring() {
  local before=$words[CURRENT-1] verb=\${words[CURRENT>2?2:1]} choices= files=
  if [[ $PREFIX == --*=* ]]; then before=\${PREFIX%%=*}; compset -P '*='; fi
${cases()}
  if [[ -n $files ]]; then _files; else compadd -- \${=choices}; fi
}
if [[ $funcstack[1] == _keyring ]]; then _keyring "$@"; else compdef _keyring keyring ak-nofuss; fi
`
}

function fish(): string {
  const seen = `__fish_seen_subcommand_from`
  const line = (when: string, what: string, help: string): string =>
    `complete -c keyring -n '${when}' ${what} -d '${help.replaceAll("'", "\\'")}'\n`
  const options = (when: string, rows: readonly Option[]): readonly string[] => rows.map((option) => {
    const names = option.names.map((name) => name.replace('--', '-l ').replace(/^-(?!l )/, '-s ')).join(' ')
    const words = values(option)
    const value = words === 'files' ? ' -r -F' : ` -x -a '${words.join(' ')}'`
    return line(when, names + (option.value === undefined ? '' : value), option.help)
  })
  return [
    'complete -c keyring -f\ncomplete -c ak-nofuss -w keyring\n',
    ...VERB_HELP.map(({ name, does }) => line('__fish_use_subcommand', `-a ${name}`, does)),
    line(`${seen} help`, `-a '${VERBS.join(' ')}'`, 'a verb'),
    ...options(`not ${seen} ${OWN.map(({ name }) => name).join(' ')}`, GENERAL),
    ...OWN.flatMap((verb) => options(`${seen} ${verb.name}`, verb.options)),
  ].join('')
}

function tcsh(): string {
  const list = (words: readonly string[] | 'files'): string => (words === 'files' ? 'f' : `(${words.join(' ')})`)
  const all = [...new Set(namesOf([...GENERAL, ...VALUED]))]
  const after = VALUED.flatMap((option) => option.names.map((name) => `'n/${name}/${list(values(option))}/'`))
  const first = `'p/1/${list([...VERBS, ...all])}/' 'n/help/${list(VERBS)}/'`
  const rules = `${first} ${after.join(' ')} 'c/-/${list(all.map((name) => name.slice(1)))}/'`
  return `complete keyring ${rules}\ncomplete ak-nofuss ${rules}\n`
}
