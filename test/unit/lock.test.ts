import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { clientNames, requirementsPath } from '../clients/installed.ts'
import { requirements as wantedOf } from '../supply/client-requirements.ts'
import { lockedPackages, parseLock } from '../supply/lockfile.ts'
import { nodePackage, nodeVersions, windowsNode } from '../supply/node-versions.ts'
import { root } from '../supply/run.ts'

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const lifecycleScripts = [
  'preinstall',
  'install',
  'postinstall',
  'prepublish',
  'preprepare',
  'prepare',
  'postprepare',
  'prepublishOnly',
  'prepack',
  'postpack',
  'publish',
  'postpublish',
  'dependencies',
  'preuninstall',
  'uninstall',
  'postuninstall',
]

// No list of registries: a pin needs no host at all, so anything that looks like one is wrong.
const host = /:\/\/|\b[a-z0-9-]+\.(?:org|com|net|io|dev|cn)\b/i

function read(name: string): string {
  return readFileSync(join(root, name), 'utf8')
}

const text = read('requirements-lock.txt')
const packageLock: unknown = JSON.parse(read('package-lock.json'))
const manifest = JSON.parse(read('package.json')) as Manifest

function pins(packages: readonly { name: string; version: string }[]): string[] {
  return packages.map(({ name, version }) => `${name}==${version}`)
}

test('requirements-lock.txt pins exactly the packages of package-lock.json', () => {
  const { toolchain } = parseLock(text)
  assert.ok(toolchain.length > 0)
  assert.deepEqual(pins(toolchain), pins(lockedPackages(packageLock)))
})

test('every line of requirements-lock.txt that is no comment has one SHA-256', () => {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  for (const line of lines) assert.match(line, /^\S+==\d\S* --hash=sha256:[0-9a-f]{64}$/)
  assert.equal(new Set(lines.map((line) => line.split(' ')[1])).size, lines.length)
})

test('the runtime part of requirements-lock.txt is empty', () => {
  assert.match(text, /^# runtime$/m)
  assert.deepEqual(parseLock(text).runtime, [])
})

test('the node part of requirements-lock.txt is the versions the tests run on, and that of keyring.exe', () => {
  const expected = [...nodeVersions.map((version) => ({ name: nodePackage, version })), windowsNode]
  assert.deepEqual(pins(parseLock(text).node), pins(expected))
})

test('a malformed line of requirements-lock.txt is an error that names its number', () => {
  const bad = '# runtime\nsomething==1.0 --hash=sha256:abc\n'
  assert.throws(() => parseLock(bad), /requirements-lock\.txt:2: not a pinned package/)
  const before = `tsx==1.0 --hash=sha256:${'0'.repeat(64)}\n`
  assert.throws(() => parseLock(before), /requirements-lock\.txt:1: not a pinned package/)
})

test('a package of package-lock.json without a SHA-512 is an error', () => {
  const lock = (entry: object): object => ({ packages: { '': {}, 'node_modules/a': entry } })
  const strong = { version: '1.0.0', integrity: 'sha512-AAAA' }
  assert.deepEqual(lockedPackages(lock(strong)), [{ name: 'a', ...strong }])
  assert.throws(() => lockedPackages(lock({ version: '1.0.0' })), /no SHA-512/)
  assert.throws(() => lockedPackages(lock({ ...strong, integrity: 'sha1-AA' })), /no SHA-512/)
})

test('no lock names a host', () => {
  assert.doesNotMatch(text, host)
  for (const name of clientNames) {
    assert.doesNotMatch(readFileSync(requirementsPath(name), 'utf8'), host)
  }
  assert.doesNotMatch(read('package-lock.json'), /"resolved"/)
})

test('the program has no dependencies and nothing runs when it is installed', () => {
  for (const key of Object.keys(manifest)) {
    assert.doesNotMatch(key, /^(?!dev).*dependencies/i)
  }
  const scripts = Object.keys(manifest.scripts ?? {})
  assert.deepEqual(scripts.filter((name) => lifecycleScripts.includes(name)), [])
})

test('every devDependency is one exact version, the one that package-lock.json has', () => {
  const wanted = Object.entries(manifest.devDependencies ?? {})
  assert.deepEqual(wanted.map(([name]) => name).sort(), ['@types/node', 'tsx', 'typescript'])
  const locked = new Set(pins(lockedPackages(packageLock)))
  for (const [name, version] of wanted) {
    assert.match(version, /^\d+\.\d+\.\d+$/)
    assert.ok(locked.has(`${name}==${version}`), `${name} ${version} is not in the lock`)
  }
})

for (const name of clientNames) {
  test(`the client ${name}: every requirement is pinned and has hashes`, () => {
    const requirements = readFileSync(requirementsPath(name), 'utf8')
      .replaceAll(/^#.*\n/gm, '')
      .replaceAll('\\\n', '')
      .trim()
      .split('\n')
    for (const requirement of requirements) {
      const form = /^[a-z0-9-]+==\d\S*( ; [^\\]+?)?( +--hash=sha256:[0-9a-f]{64})+$/
      assert.match(requirement, form)
    }
    for (const wanted of wantedOf[name]) {
      const project = /^[\w-]+/.exec(wanted)?.[0] ?? ''
      assert.ok(requirements.some((requirement) => requirement.startsWith(`${project}==`)), wanted)
    }
    // With a keyring module a client would ask that instead of the executable under test.
    const withKeyring = requirements.some((requirement) => requirement.startsWith('keyring=='))
    assert.equal(withKeyring, ['keyring', 'python-nofuss', 'importers'].includes(name))
  })
}
