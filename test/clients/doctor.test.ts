import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { writeKeyring } from '../azure/programs.ts'
import { quote, writeScript } from '../azure/shell-script.ts'
import { BIN, newMachine, runKeyring, runProgram } from '../flow/program.ts'
import type { Machine } from '../flow/program.ts'
import { pythonPath } from '../flow/python.ts'
import { clientPath, environmentPath } from './installed.ts'

let machine: Machine
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

/** pip's own answer. Its provider of the name `subprocess` knows the path of the program that it would start. */
const OF_PIP = `
from pip._internal.network.auth import get_keyring_provider
print(getattr(get_keyring_provider("subprocess"), "keyring", "none"))
`

/** Where a keyring lies, in the order of PATH; `scripts` is the folder of pip's own scripts. */
const PATHS: readonly (readonly string[])[] = [
  [],
  ['scripts'],
  ['scripts', 'other'],
  ['other', 'scripts'],
  ['scripts', 'alias'],
  ['alias', 'scripts'],
  ['alias', 'scripts', 'other'],
  ['scripts', 'scripts-2'],
]

/** The packages of one folder, in another virtual environment. */
function lend(from: string, to: string): void {
  const python = (root: string): string => join(root, 'lib', readdirSync(join(root, 'lib'))[0] ?? '', 'site-packages')
  for (const name of readdirSync(python(from)).filter((entry) => entry.startsWith('pip'))) {
    symlinkSync(join(python(from), name), join(python(to), name))
  }
}

for (const name of ['pip-23.1', 'pip-26.1.2', 'pip-latest'] as const) {
  const installed = clientPath(name) !== undefined
  test(`doctor: which keyring ${name} finds is what that pip says itself`, { skip: installed ? false : `${name} is not installed` }, async () => {
    const root = join(machine.home, 'venv')
    const made = await runProgram(pythonPath(), ['-m', 'venv', '--without-pip', root], machine.env)
    assert.equal(made.status, 0, made.stderr)
    lend(environmentPath(name), root)
    const folders: Readonly<Record<string, string>> = {
      scripts: join(root, 'bin'),
      other: join(machine.home, 'other'),
      // pip compares the beginning of the text: this one begins as its own folder does.
      'scripts-2': join(root, 'bin', 'more'),
      alias: join(machine.home, 'alias'),
    }
    symlinkSync(folders['scripts'] ?? '', folders['alias'] ?? '')
    for (const folder of ['scripts', 'other', 'scripts-2']) {
      mkdirSync(folders[folder] ?? '', { recursive: true })
      writeKeyring(folders[folder] ?? '', { node: process.execPath, bin: BIN, log: join(machine.home, 'log') })
    }
    // A Python without a keyring beside it, so that it is on PATH where the folder of its scripts is not.
    // Not a link: Python would look for its environment beside that.
    writeScript(join(machine.programs, 'python3'), [`exec ${quote(join(root, 'bin', 'python3'))} "$@"`])
    for (const path of PATHS) {
      const PATH = [machine.programs, ...path.map((folder) => folders[folder] ?? '')].join(':')
      const env = { ...machine.env, PATH, SSL_CERT_FILE: '/nonexistent' }
      const own = await runProgram(join(machine.programs, 'python3'), ['-c', OF_PIP], env)
      assert.equal(own.status, 0, own.stderr)
      const { stdout } = await runKeyring(['doctor'], env)
      const line = /^(.) pip \S+ +(.*) \(Python in (.*)\)$/m.exec(stdout) ?? assert.fail(stdout)
      assert.equal(line[3], root)
      const found = line[1] === '✓' ? (line[2] ?? '').replace(', this program', '') : 'none'
      assert.equal(found, own.stdout.trim(), `${path.join(', ')}\n${stdout}`)
    }
  })
}
