import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { completion } from '../../src/cli/completion.ts'
import { parseMintOptions } from '../../src/cli/mint.ts'
import { OPERATIONS, OPTIONS, SHELLS } from '../../src/cli/parse-arguments.ts'
import { run } from '../../src/cli/run.ts'
import { VERB_HELP } from '../../src/cli/verbs.ts'
import { fakeSystem } from './fake-system.ts'

async function keyring(argv: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const system = fakeSystem()
  const status = await run(argv, system)
  return { status, out: system.out.join(''), err: system.err.join('') }
}

test('help has a row for every verb of the program, and no other', () => {
  const source = readFileSync(new URL('../../src/cli/run.ts', import.meta.url), 'utf8')
  const ours = [...source.matchAll(/\{ name: '([\w-]+)', load: /g)].map((match) => match[1] ?? '')
  assert.ok(ours.length >= 2)
  assert.deepEqual(VERB_HELP.map(({ name }) => name).sort(), [...OPERATIONS, ...ours, 'help', 'version'].sort())
})

test('the options of mint-token and exec are those that they take', () => {
  for (const [name, outputFile] of [['mint-token', true], ['exec', false]] as const) {
    const verb = VERB_HELP.find((row) => row.name === name)
    const told = verb?.options.flatMap(({ names }) => names).join(', ')
    assert.throws(() => parseMintOptions(['--no-such-option'], outputFile), { message: `the options are: ${told}, each with a value` })
  }
})

for (const verb of VERB_HELP) {
  test(`help ${verb.name}: its options, an example, nothing wider than 80 columns`, async () => {
    const { status, out, err } = await keyring(['help', verb.name])
    assert.deepEqual([status, err], [0, ''])
    assert.ok(out.startsWith(`usage: keyring ${verb.name}`), out)
    for (const { names, help } of verb.options) assert.ok(out.includes(names.join(', ')) && out.includes(help), out)
    assert.match(out, /\nexamples:\n {2}keyring /)
    assert.ok(verb.examples.every((example) => example.startsWith(verb.name)), out)
    for (const line of out.split('\n')) assert.ok(line.length <= 80, line)
    // `help --help` asks for the help of no verb.
    const asked = verb.name === 'help' ? (await keyring(['--help'])).out : out
    assert.equal((await keyring([verb.name, '--help'])).out, asked)
    assert.equal((await keyring([verb.name, '-h'])).out, asked)
  })
}

test('general help: every verb, every option, examples, nothing wider than 80 columns', async () => {
  const { status, out } = await keyring(['--help'])
  assert.equal(status, 0)
  for (const { name, takes, does } of VERB_HELP) assert.ok(out.includes(`  ${name} ${takes}`) && out.includes(does), name)
  for (const { names } of OPTIONS) assert.ok(out.includes(names.join(', ')), names.join())
  assert.match(out, /\nexamples:\n {2}keyring get (?:.*\n)+ {2}keyring mint-token (?:.*\n)+ {2}keyring exec /)
  for (const line of out.split('\n')) assert.ok(line.length <= 80, line)
  for (const argv of [['help'], ['help', 'bogus'], ['-h'], ['--mode', 'creds', '--help']]) {
    assert.equal((await keyring(argv)).out, out, argv.join(' '))
  }
})

test('the topic of help is the verb, wherever the option stands', async () => {
  const { out } = await keyring(['help', 'get'])
  assert.equal((await keyring(['--mode', 'creds', 'get', 'SERVICE', '--help'])).out, out)
  assert.equal((await keyring(['mint-token', '--tenant', 'x', '--help'])).out, (await keyring(['help', 'mint-token'])).out)
})

test('what stands behind -- of exec is for the command', async () => {
  const { status, out } = await keyring(['exec', '--provider', 'bogus', '--', 'pip', '--help'])
  assert.deepEqual([status, out], [1, ''])
})

test('version is another word for --version', async () => {
  assert.equal((await keyring(['version'])).out, (await keyring(['--version'])).out)
})

test('a usage error shows the short usage and where there is more', async () => {
  const { status, out, err } = await keyring(['bogus'])
  assert.deepEqual([status, out], [2, ''])
  assert.match(err, /^usage: keyring .*\n( {7}keyring .*\n){2}keyring: error: /)
  assert.match(err, /keyring help \[VERB\]/)
})

test('every word of the tables is in every completion script', () => {
  for (const shell of SHELLS) {
    const script = completion(shell)
    const words = script.split(/[^\w-]+/)
    const names = [...OPTIONS, ...VERB_HELP.flatMap(({ options }) => options)].flatMap((option) => option.names)
    const wanted = [...VERB_HELP.map(({ name }) => name), 'creds', 'json', 'azure_cli', 'managed_identity']
    for (const word of [...wanted, ...names.map((name) => (shell === 'fish' ? name.replace(/^-+/, '') : name))]) {
      assert.ok(words.includes(word), `${shell}: ${word}`)
    }
    for (const program of ['keyring', 'ak-nofuss']) assert.match(script, new RegExp(`^(#compdef|complete).* ${program}\\b`, 'm'), shell)
  }
})
