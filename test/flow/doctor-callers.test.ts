import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { writeKeyring } from '../azure/programs.ts'
import { quote, writeScript } from '../azure/shell-script.ts'
import { BIN, logLines, newMachine, runKeyring } from './program.ts'
import type { Machine } from './program.ts'
import { pythonPath } from './python.ts'

let machine: Machine
let log: string
beforeEach((context) => {
  machine = newMachine()
  log = join(machine.home, 'log')
  if ('after' in context) context.after(() => machine.remove())
})

/** The lines about callers, and the next step where everything else were well. */
async function callers(path: readonly string[]): Promise<readonly string[]> {
  const env = { ...machine.env, PATH: path.join(':'), SSL_CERT_FILE: '/nonexistent' }
  const ended = await runKeyring(['doctor'], env)
  assert.deepEqual([ended.status, ended.stderr], [1, ''])
  return ended.stdout.split('\n').filter((line) => /^. (uv, PDM|pip \S+) /.test(line)).map((line) => line.replace(/ {2,}/, ': '))
}

/** A folder of programs with this keyring in it. */
function ours(name: string): string {
  const folder = join(machine.home, name)
  mkdirSync(folder, { recursive: true })
  writeKeyring(folder, { node: process.execPath, bin: BIN, log })
  return folder
}

/** Python keyring 25.7 as far as doctor asks it: there is no `--version`. */
function pythonKeyring(folder: string): string {
  mkdirSync(folder, { recursive: true })
  const usage = 'usage: keyring [-h] [-p KEYRING_PATH]\nkeyring: error: unrecognized arguments: --version\n'
  return writeScript(join(folder, 'keyring'), [`printf %s ${quote(usage)} >&2`, 'exit 2'])
}

/** A virtual environment with a pip of this version, as far as its metadata goes. */
function environment(name: string, pip: string | undefined, library = false): { readonly root: string; readonly bin: string } {
  const root = join(machine.home, name)
  const made = spawnSync(pythonPath(), ['-m', 'venv', '--without-pip', root], { encoding: 'utf8' })
  assert.equal(made.status, 0, made.stderr)
  const site = join(root, 'lib', readdirSync(join(root, 'lib'))[0] ?? '', 'site-packages')
  if (pip !== undefined) {
    mkdirSync(join(site, `pip-${pip}.dist-info`))
    writeFileSync(join(site, `pip-${pip}.dist-info`, 'METADATA'), `Metadata-Version: 2.1\nName: pip\nVersion: ${pip}\n`)
  }
  if (library) {
    mkdirSync(join(site, 'keyring'))
    writeFileSync(join(site, 'keyring', '__init__.py'), 'raise SystemExit("it must not be imported")\n')
  }
  return { root, bin: join(root, 'bin') }
}

test('doctor: nothing is on PATH', async () => {
  assert.deepEqual(await callers(['/nonexistent']), ['✗ uv, PDM: no keyring on PATH'])
})

test('doctor: every caller finds this program', async () => {
  const [folder, { root, bin }] = [ours('ours'), environment('venv', '26.3')]
  assert.deepEqual(await callers([folder, bin]), [
    `✓ uv, PDM: ${folder}/keyring, this program`,
    `✓ pip 26.3: ${folder}/keyring, this program (Python in ${root})`,
  ])
})

test('doctor: the keyring of an activated virtual environment shadows this one for uv, and for its own pip it does not', async () => {
  const [folder, { root, bin }] = [ours('ours'), environment('venv', '26.3')]
  const shadow = pythonKeyring(bin)
  assert.deepEqual(await callers([bin, folder]), [
    `✗ uv, PDM: ${shadow}, another program`,
    `✓ pip 26.3: ${folder}/keyring, this program (Python in ${root})`,
  ])
})

test('doctor: pip skips this program among its own scripts, as in /usr/local/bin of a Docker image, and uv does not', async () => {
  const { root, bin } = environment('venv', '26.3')
  writeKeyring(bin, { node: process.execPath, bin: BIN, log })
  assert.deepEqual(await callers([bin]), [
    `✓ uv, PDM: ${bin}/keyring, this program`,
    `✗ pip 26.3: skips ${bin}/keyring, one of its own scripts (Python in ${root})`,
  ])
  // Another name of that folder is that folder too; another folder is none.
  const alias = join(machine.home, 'alias')
  symlinkSync(bin, alias)
  assert.match((await callers([bin, alias])).join('\n'), /✗ pip 26\.3: skips /)
  // The beginning of the text decides, as pip has it: the other name before it hides that it is the same.
  assert.match((await callers([alias, bin])).join('\n'), new RegExp(`✓ pip 26\\.3: ${alias}/keyring, this program`))
  const other = ours('other')
  assert.match((await callers([bin, alias, other])).join('\n'), new RegExp(`✓ pip 26\\.3: ${other}/keyring, this program`))
})

test('doctor: another keyring before this one is named for all', async () => {
  const [folder, { root, bin }] = [ours('ours'), environment('venv', '23.1')]
  const first = pythonKeyring(join(machine.home, 'first'))
  assert.deepEqual(await callers([join(machine.home, 'first'), folder, bin]), [
    `✗ uv, PDM: ${first}, another program`,
    `✗ pip 23.1: ${first}, another program (Python in ${root})`,
  ])
})

test("doctor: a pip whose Python has keyring uses that one unless told otherwise, and doctor does not import it", async () => {
  const [folder, { root, bin }] = [ours('ours'), environment('venv', '26.3', true)]
  assert.equal((await callers([folder, bin]))[1], `✓ pip 26.3: ${folder}/keyring, this program; its own Python has another, which PIP_KEYRING_PROVIDER=subprocess passes over (Python in ${root})`)
})

test('doctor: each Python counts once, and one without pip not at all', async () => {
  const [folder, first, second, none] = [ours('ours'), environment('a', '26.3'), environment('b', '23.1'), environment('c', undefined)]
  const pips = (await callers([folder, none.bin, first.bin, second.bin, first.bin])).slice(1)
  assert.deepEqual(pips.map((line) => line.slice(2, 10)), ['pip 26.3', 'pip 23.1'])
})

test('doctor: a keyring that does not start, and one of another version', async () => {
  const broken = join(machine.home, 'broken')
  mkdirSync(broken)
  // What env says where there is no node: 127.
  symlinkSync(BIN, join(broken, 'keyring'))
  assert.deepEqual(await callers([broken]), [`✗ uv, PDM: ${broken}/keyring, which does not start`])
  const old = join(machine.home, 'old')
  mkdirSync(old)
  writeScript(join(old, 'keyring'), ["echo 'keyring-compatible artifacts-keyring-nofuss 0.0.1'"])
  assert.deepEqual(await callers([old]), [`✗ uv, PDM: ${old}/keyring, version 0.0.1 of this program`])
})

test('doctor: a caller is only asked for its version, without a secret in its environment', async () => {
  const folder = join(machine.home, 'spy')
  const seen = join(machine.home, 'environment')
  mkdirSync(folder)
  writeScript(join(folder, 'keyring'), [`echo "$*" >> ${quote(log)}`, `/usr/bin/env > ${quote(seen)}`, 'exit 2'])
  const env = { ...machine.env, PATH: folder, SSL_CERT_FILE: '/nonexistent', ARTIFACTS_KEYRING_NOFUSS_TOKEN: 'CANARYtoken', AZURE_CLIENT_SECRET: 'CANARYsecret' }
  await runKeyring(['doctor'], env)
  assert.deepEqual(logLines(log), ['--version'])
  assert.deepEqual(logLines(seen).filter((line) => line.includes('CANARY')), [])
})

test('doctor: where the feed accepts the credential, a caller can still be the next step', async () => {
  const { startStandIn } = await import('../azure/stand-in.ts')
  const azure = await startStandIn()
  try {
    const shadow = pythonKeyring(machine.programs)
    const env = { ...machine.env, ...azure.environment(), ARTIFACTS_KEYRING_NOFUSS_TOKEN: azure.tokens.mintPat('contoso') }
    const ended = await runKeyring(['doctor', 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'], env)
    assert.equal(ended.status, 0, ended.stdout)
    assert.ok(ended.stdout.endsWith(`\n\nnext: remove ${shadow}, or put this keyring before it on PATH\n`), ended.stdout)
  } finally {
    await azure.close()
  }
})
