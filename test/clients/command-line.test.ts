import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { OWN_BACKEND } from '../../src/cli/backends.ts'
import { run } from '../../src/cli/run.ts'
import { VERSION_LINE } from '../../src/cli/usage.ts'
import { newMachine, runKeyring } from '../flow/program.ts'
import { fakeSystem } from '../unit/fake-system.ts'
import { commandLines, FEED } from './command-lines.ts'
import { clientPath } from './installed.ts'
import { askPython } from './python-command-line.ts'
import type { Answer, PythonAnswers } from './python-command-line.ts'

const COUNT = 2_000
const PROCESSES = 200

/** One command line, and what both programs made of it. */
interface Case {
  readonly argv: readonly string[]
  readonly ours: Answer
  readonly theirs: PythonAnswers['answers'][number]
}

interface Difference {
  readonly why: string
  readonly example: readonly string[]
  readonly is: (compared: Case) => boolean
  /** Some versions of Python do as we do: then it must not occur at all. */
  readonly dependsOnPython?: true
}

const isHelp = ({ ours }: Case): boolean => ours.status === 0 && ours.stdout.startsWith('usage: keyring ')
/** An answer that is given as soon as the option is met, whatever comes behind it. */
const isAtOnce = (compared: Case): boolean => isHelp(compared) || compared.ours.stdout === VERSION_LINE || isCompletion(compared)
const isCompletion = ({ ours }: Case): boolean => ours.status === 0 && /^(_keyring\(|#compdef|complete )/.test(ours.stdout)

/** Every difference that is left, on purpose. */
const DIFFERENCES: readonly Difference[] = [
  {
    why: 'the text of help is ours: it lists our verbs',
    example: ['--help'],
    is: (compared) => isHelp(compared) && compared.theirs.status === 0 && compared.theirs.stdout.startsWith('usage: keyring [-h]'),
  },
  {
    why: 'Python keyring has no --version',
    example: ['--version'],
    is: ({ argv, ours }) => (ours.stdout === VERSION_LINE && argv[0] !== 'version') || argv.some((text) => /^--v\w*=/.test(text)),
  },
  {
    why: 'Python keyring has no verbs but its four',
    example: ['help'],
    is: ({ argv, ours, theirs }) => /^(help|version)$/.test(argv[0] ?? '') && ours.status === 0 && theirs.status !== 0,
  },
  {
    why: 'the backends are others: there is one here',
    example: ['--list-backends'],
    is: ({ ours, theirs }) => ours.stdout === `${OWN_BACKEND}\n` && theirs.status === 0 && / \(priority: /.test(theirs.stdout),
  },
  {
    why: 'our backend can be named',
    example: ['-b', 'artifacts_keyring_nofuss.Keyring', 'get', FEED, 'me'],
    is: ({ ours, theirs }) => ours.status < 2 && /Unable to load specified keyring: No module named 'artifacts_keyring_nofuss'/.test(theirs.stderr),
  },
  {
    why: 'other backends of Python are not here, which is wrong usage and no traceback',
    example: ['-b', 'keyring.backends.fail.Keyring', 'get', FEED, 'me'],
    is: ({ argv, ours, theirs }) => ours.status === 2 && theirs.status === 1 && argv.some((text) => text.endsWith('keyring.backends.fail.Keyring')),
  },
  {
    why: 'completion works without an extra',
    example: ['--print-completion', 'bash'],
    is: (compared) => isCompletion(compared) && compared.theirs.status === 1 && compared.theirs.stderr.startsWith('Install keyring[completion]'),
  },
  {
    why: 'Python keyring completes nothing for fish',
    example: ['--print-completion=fish'],
    is: (compared) => isCompletion(compared) && compared.ours.stdout.startsWith('complete -c keyring') && compared.theirs.status === 2,
  },
  {
    why: 'a control character in the username is refused: the answer has lines',
    example: ['get', FEED, 'a\tb'],
    is: ({ argv, ours, theirs }) => argv.some((text) => text.includes('\t')) && ours.status === 1 && theirs.status === 0,
  },
  {
    why: 'an option may stand between the words, and so may what looks for them behind it',
    example: ['get', '--mode', 'creds', FEED],
    is: ({ ours, theirs }) => ours.status < 2 && theirs.status === 2 && /error: unrecognized arguments: (?!--\n)/.test(theirs.stderr),
    dependsOnPython: true,
  },
  {
    why: 'a -- with nothing behind it is nothing',
    example: ['get', FEED, 'me', '-p', '/tmp', '--'],
    is: ({ ours, theirs }) => ours.status < 2 && theirs.status === 2 && theirs.stderr.endsWith('error: unrecognized arguments: --\n'),
    dependsOnPython: true,
  },
  {
    why: 'an ambiguous option behind --help is not looked at',
    example: ['--help', '--k'],
    is: (compared) => isAtOnce(compared) && compared.theirs.status === 2 && compared.theirs.stderr.includes('error: ambiguous option: --'),
    dependsOnPython: true,
  },
  {
    why: '-= is unknown, not ambiguous',
    example: ['-=', '--help'],
    is: (compared) => isAtOnce(compared) && compared.theirs.status === 2 && compared.theirs.stderr.includes('error: ambiguous option: -='),
    dependsOnPython: true,
  },
  {
    why: 'what is attached to -h is not looked at',
    example: ['-hp'],
    is: (compared) => isHelp(compared) && compared.theirs.status === 2 && compared.argv.some((text) => /^-h[^=]/.test(text)),
  },
  {
    why: '-h=p is no way to write -h -p',
    example: ['-h=p', '/tmp'],
    is: ({ argv, ours, theirs }) => ours.status === 2 && theirs.status === 0 && argv.some((text) => text.startsWith('-h=')),
    dependsOnPython: true,
  },
  {
    why: 'a value of -- is a value',
    example: ['--output=--', 'get', FEED, 'me'],
    is: ({ argv, ours, theirs }) => ours.status === 2 && theirs.status !== 2 && argv.some((text) => /^--[\w-]+=--$/.test(text)),
    dependsOnPython: true,
  },
]

function agree({ ours, theirs }: Case): boolean {
  return ours.status === theirs.status && ours.stdout === theirs.stdout
}

function shown({ argv, ours, theirs }: Case): string {
  const answer = (given: Answer): string => JSON.stringify({ ...given, stdout: given.stdout.slice(0, 300) })
  return `${JSON.stringify(argv)}\n  ours ${answer(ours)}\n  theirs ${answer(theirs)}`
}

async function inProcess(argv: readonly string[], home: string): Promise<Answer> {
  const system = fakeSystem({ env: { HOME: home, ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'p' } })
  const status = await run(argv, system)
  return { status, stdout: system.out.join('') }
}

/** As a user starts it, each time in a home folder where no file is left from the last time. */
async function asProcess(argv: readonly string[], home: string, shownHome: string): Promise<Answer> {
  mkdirSync(home)
  const ended = await runKeyring(argv, { HOME: home, PATH: '/usr/bin:/bin', ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'p' }, { input: 'password\n' })
  rmSync(home, { recursive: true })
  return { status: ended.status ?? -1, stdout: ended.stdout.replaceAll(home, shownHome) }
}

const keyring = clientPath('keyring')
test(`Python keyring 25.7.0 and this program agree about ${COUNT} command lines`, { skip: keyring === undefined && 'not installed: run npm run clients' }, async (context) => {
  const machine = newMachine()
  context.after(() => machine.remove())
  const generated = commandLines(COUNT, 1)
  const argvs = [...generated, ...DIFFERENCES.map(({ example }) => example)]
  const python = join(dirname(keyring ?? ''), 'python')
  const { version, answers } = await askPython(python, argvs, { HOME: machine.home, PATH: '/usr/bin:/bin' })
  const cases: Case[] = []
  for (const [index, argv] of argvs.entries()) {
    const theirs = answers[index]
    assert.ok(theirs !== undefined)
    cases.push({ argv, theirs, ours: await inProcess(argv, machine.home) })
  }
  const answered = cases.slice(0, COUNT).map(({ theirs }) => theirs.status)
  for (const status of [0, 1, 2]) assert.ok(answered.filter((each) => each === status).length > COUNT / 8, `few of status ${status}`)

  const examples = cases.slice(COUNT)
  const active = DIFFERENCES.filter((difference, index) => {
    const example = examples[index]
    assert.ok(example !== undefined)
    const occurs = !agree(example) && difference.is(example)
    const mayNot = difference.dependsOnPython === true && (agree(example) || DIFFERENCES.some(({ is }) => is(example)))
    assert.ok(occurs || mayNot, `${difference.why}: this is no difference any more, or another one\n${shown(example)}`)
    return occurs
  })
  const expected = (compared: Case): boolean => agree(compared) || active.some(({ is }) => is(compared))
  const wrong = cases.filter((compared) => !expected(compared))
  assert.equal(wrong.length, 0, `Python ${version.join('.')}\n${wrong.slice(0, 10).map(shown).join('\n')}`)

  const sample = cases.filter((_, index) => index % Math.floor(COUNT / PROCESSES) === 0).slice(0, PROCESSES)
  assert.equal(sample.length, PROCESSES)
  const started = async (lane: number): Promise<readonly string[]> => {
    const failed: string[] = []
    for (const compared of sample.filter((_, index) => index % 4 === lane)) {
      const ours = await asProcess(compared.argv, join(machine.home, `home ${lane}`), machine.home)
      if (!expected({ ...compared, ours })) failed.push(shown({ ...compared, ours }))
    }
    return failed
  }
  const failed = (await Promise.all([0, 1, 2, 3].map(started))).flat()
  assert.deepEqual(failed, [])
})
