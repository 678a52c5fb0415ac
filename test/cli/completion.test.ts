import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { SHELLS } from '../../src/cli/parse-arguments.ts'
import { logLines, newMachine, runKeyring } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'
import { runOnTerminal } from './pseudo-terminal.ts'

/** What is typed before the Tab key, and the command line that becomes of it. */
const TYPED: readonly (readonly [typed: string, line: string])[] = [
  ['keyring diag', 'diagnose'],
  ['keyring min', 'mint-token'],
  ['keyring help ex', 'help exec'],
  ['keyring --list', '--list-backends'],
  ['keyring get --mo', 'get --mode'],
  ['keyring --mode cr', '--mode creds'],
  ['keyring get SERVICE me --output j', 'get SERVICE me --output json'],
  ['keyring -b key', '-b keyring.backends.null.Keyring'],
  ['keyring --print-completion fi', '--print-completion fish'],
  ['keyring mint-token --ten', 'mint-token --tenant'],
  ['keyring exec --provider azure_c', 'exec --provider azure_cli'],
  ['keyring mint-token --output-file no', 'mint-token --output-file notes'],
  ['ak-nofuss --mode cr', '--mode creds'],
]

/** Only where the shell takes it for one word, or for several: not tcsh. */
const WITH_EQUALS: readonly (readonly [typed: string, line: string])[] = [
  ['keyring get --mode=cr', 'get --mode=creds'],
  ['keyring --output=js', '--output=json'],
]

let machine: Machine
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

/** A machine whose `keyring` writes its arguments to a file, with a completion script in `script`. */
async function prepared(shell: string): Promise<{ readonly script: string; readonly log: string }> {
  const log = join(machine.home, 'log')
  for (const name of ['keyring', 'ak-nofuss']) {
    writeFileSync(join(machine.programs, name), `#!/bin/sh\necho "$*" >> '${log}'\n`, { mode: 0o755 })
  }
  writeFileSync(join(machine.home, 'notes'), '')
  const made = await runKeyring(['--print-completion', shell], machine.env)
  assert.deepEqual([made.status, made.stderr], [0, ''])
  const script = join(machine.home, 'completion')
  writeFileSync(script, made.stdout)
  return { script, log }
}

const CONFIGURATIONS = {
  bash: {
    arguments: ['--noprofile', '--norc', '-i'],
    setUp: (script: string) => [`PS1='READ''Y> '`, `source '${script}'`],
    typed: [...TYPED, ...WITH_EQUALS],
  },
  zsh: {
    arguments: ['-f', '-i'],
    setUp: (script: string) => [`PS1='READ''Y> '`, 'autoload -U compinit; compinit -u -D', `source '${script}'`],
    typed: [...TYPED, ...WITH_EQUALS],
  },
  tcsh: {
    arguments: ['-f', '-i'],
    setUp: (script: string) => [`set prompt='READ''Y> '; set filec`, `source '${script}'`],
    typed: TYPED,
  },
} as const

for (const [name, { arguments: args, setUp, typed }] of Object.entries(CONFIGURATIONS)) {
  const shell = pathOf(name)
  test(`${name} completes words of the command line when the Tab key is pressed`, { skip: shell === undefined && `${name} is not installed` }, async () => {
    const { script, log } = await prepared(name)
    const env = { ...machine.env, PATH: `${machine.programs}:/usr/bin:/bin`, TERM: 'xterm', LC_ALL: 'C' }
    const start = { after: '', type: `cd '${machine.home}'; ${setUp(script).join('; ')}\n` }
    const lines = [...typed.map(([text]) => `${text}\t\n`), 'exit\n']
    // Nothing is typed before the prompt: until then there is nobody who knows the Tab key.
    const steps = lines.map((type, index) => ({ after: 'READY>', path: log, lines: index, type }))
    await runOnTerminal({ argv: [shell ?? '', ...args], env, terminal: ['stdin', 'stdout', 'stderr'], steps: [start, ...steps] })
    // Some shells put a space behind a word that is complete.
    assert.deepEqual(logLines(log).map((line) => line.trimEnd()), typed.map(([, line]) => line))
  })
}

test('zsh finds the script as a file of its function path', { skip: pathOf('zsh') === undefined && 'zsh is not installed' }, async () => {
  const { script, log } = await prepared('zsh')
  const folder = join(machine.home, 'functions')
  mkdirSync(folder)
  writeFileSync(join(folder, '_keyring'), spawnSync('/bin/cat', [script]).stdout)
  const env = { ...machine.env, PATH: `${machine.programs}:/usr/bin:/bin`, TERM: 'xterm', LC_ALL: 'C' }
  const setUp = `PS1='READ''Y> '; fpath=('${folder}' $fpath); autoload -U compinit; compinit -u -D\n`
  await runOnTerminal({
    argv: [pathOf('zsh') ?? '', '-f', '-i'],
    env,
    terminal: ['stdin', 'stdout', 'stderr'],
    steps: [
      { after: '', type: setUp },
      { after: 'READY>', type: 'keyring --mode cr\t\n' },
      { after: 'READY>', path: log, lines: 1, type: 'exit\n' },
    ],
  })
  assert.deepEqual(logLines(log).map((line) => line.trimEnd()), ['--mode creds'])
})

const fish = pathOf('fish')
test('fish completes words of the command line', { skip: fish === undefined && 'fish is not installed' }, async () => {
  const { script } = await prepared('fish')
  const env = { ...machine.env, PATH: `${machine.programs}:/usr/bin:/bin` }
  for (const [text, line] of [...TYPED, ...WITH_EQUALS]) {
    const ended = spawnSync(fish ?? '', ['--no-config', '-c', `source '${script}'; complete -C "${text}"`], { env, cwd: machine.home, encoding: 'utf8' })
    const words = ended.stdout.trimEnd().split('\n').map((row) => row.split('\t')[0])
    assert.deepEqual([ended.status, words], [0, [line.split(' ').at(-1)]], `${text}: ${ended.stderr}`)
  }
})

test('a shell without a script is wrong usage', async () => {
  for (const shell of ['powershell', '']) {
    const ended = await runKeyring(['--print-completion', shell], machine.env)
    assert.deepEqual([ended.status, ended.stdout], [2, ''])
    assert.match(ended.stderr, /argument --print-completion: invalid choice/)
  }
  assert.equal(SHELLS.length, 4)
})

function pathOf(name: string): string | undefined {
  const found = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}
