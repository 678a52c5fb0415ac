import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { VARIABLES } from '../../src/system/settings.ts'
import { fileURLToPath } from 'node:url'
import { AUTHORITY_HOSTS, FEED_HOSTS, PIPELINES_HOSTS, SESSION_TOKEN_HOSTS } from '../../src/net/allowlist.ts'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

/** Which folder may import which, besides itself. `.` is the files beside the folders. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli', 'net', 'system'],
  'get-credential.ts': ['feed', 'identity', 'net', 'system'],
  'version.ts': [],
  cli: ['agent', 'get-credential.ts', 'version.ts', 'doctor', 'feed', 'identity', 'net', 'system'],
  doctor: ['get-credential.ts', 'version.ts', 'feed', 'identity', 'net', 'system'],
  agent: ['get-credential.ts', 'feed', 'identity', 'net', 'system'],
  feed: ['net', 'system'],
  identity: ['net', 'system'],
  'identity/providers': ['identity', 'identity/managed-identity', 'net', 'system'],
  'identity/managed-identity': ['identity', 'net', 'system'],
  net: ['system'],
  system: [],
}

/** The only built-in modules, and where each may be used. */
const BUILT_INS: Readonly<Record<string, readonly string[]>> = {
  'node:fs': ['system/node.ts', 'system/node-files.ts', 'system/node-sockets.ts'],
  'node:crypto': ['agent/client.ts', 'identity/certificate.ts', 'identity/certificate-token.ts'],
  'node:os': ['system/node.ts', 'system/node-run.ts'],
  'node:path': ['system/node-files.ts'],
  'node:child_process': ['system/node-run.ts'],
  'node:tty': ['system/node.ts', 'system/node-files.ts'],
  'node:util': ['cli/doctor.ts', 'cli/mint.ts'],
  'node:http': ['net/https-fetch.ts', 'net/tunnel.ts'],
  'node:https': ['net/https-fetch.ts', 'net/tunnel.ts'],
  'node:net': ['net/https-fetch.ts', 'net/tunnel.ts', 'system/node-sockets.ts'],
  'node:tls': ['net/https-fetch.ts', 'net/tunnel.ts'],
}

/** Addresses of the machine itself, where a platform offers an identity; no secret of ours goes there unasked. */
const LOCAL_ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  // IMDS (Azure Instance Metadata Service) and the agent of Azure Arc.
  '169.254.169.254': ['identity/managed-identity/metadata-service.ts'],
  '127.0.0.1': ['identity/managed-identity/azure-arc.ts'],
}

/** The only files that may touch the process, the clock, timers and the console. */
const EDGES = ['main.ts', 'system/node.ts', 'system/node-files.ts', 'system/node-run.ts', 'system/node-sockets.ts']

interface Source {
  readonly path: string
  readonly text: string
  readonly code: string
  readonly imports: readonly string[]
}

const SOURCES: readonly Source[] = (readdirSync(SRC, { recursive: true, encoding: 'utf8' }))
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8')
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
    const imports = [...code.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1] ?? '')
    return { path: path.replaceAll('\\', '/'), text, code, imports }
  })

function layerOf(path: string): string {
  const folder = dirname(path)
  return folder === '.' ? path : folder
}

function offenders(pattern: RegExp, allowed: readonly string[] = []): readonly string[] {
  return SOURCES.filter(({ path, code }) => !allowed.includes(path) && pattern.test(code)).map(({ path }) => path)
}

test('there is something to check', () => {
  assert.ok(SOURCES.length > 30)
  assert.ok(SOURCES.some(({ path }) => path === 'get-credential.ts'))
})

test('imports go one way, and providers do not import one another', () => {
  for (const { path, imports } of SOURCES) {
    const layer = layerOf(path)
    const allowed = LAYERS[layer]
    assert.ok(allowed !== undefined, `${path} is in no known folder`)
    for (const name of imports.filter((text) => text.startsWith('.'))) {
      const target = relative(SRC, join(SRC, dirname(path), name)).replaceAll('\\', '/')
      const targetLayer = layerOf(target)
      const same = targetLayer === layer && layer !== 'identity/providers'
      const table = path === 'identity/chain.ts' && targetLayer === 'identity/providers'
      assert.ok(same || table || allowed.includes(targetLayer), `${path} imports ${target}`)
    }
  }
})

test('only built-in modules are imported, each in its place', () => {
  for (const { path, imports } of SOURCES) {
    for (const name of imports.filter((text) => !text.startsWith('.'))) {
      assert.ok(BUILT_INS[name]?.includes(path), `${path} imports ${name}`)
    }
  }
})

test('only the edges touch the outside world', () => {
  assert.deepEqual(offenders(/\b(process\.|console\.|Date\.now|new Date\(\)|setTimeout|setInterval|Math\.random|globalThis|fetch\(['"`])/, EDGES), [])
  assert.deepEqual(offenders(/\bconsole\./), [])
})

test('no code is made at run time, and no module by a computed name', () => {
  assert.deepEqual(offenders(/\beval\b|\bFunction\b|\brequire\b|import\((?!'[^']+'\))|\bWebAssembly\b/), [])
  assert.deepEqual(offenders(/\bimport\.meta\b|\b__(?:dir|file)name\b|\.constructor\b|\bprocess\.(?:binding|dlopen)\b/), [])
  assert.equal(readFileSync(join(SRC, '../bin/keyring.js'), 'utf8'), "#!/usr/bin/env node\n'use strict'\nrequire('../dist/main.js')\n")
})

test('every host name and address in src/ is in the tables of the allowlist', () => {
  const tables = [FEED_HOSTS, SESSION_TOKEN_HOSTS, PIPELINES_HOSTS, AUTHORITY_HOSTS].flat<readonly (readonly string[])[]>()
  const listed = (host: string): boolean => tables.map((name) => name.replace('*.', '')).some((name) => name === host || host.endsWith(`.${name}`))
  const name = /(?<![\w-])(?:[a-z0-9*-]+\.)+(?:com|net|org|io|ms|us|cn|me|de|eu|gov|dev|app|cloud|local|internal)\b(?!\w|\()/gi
  const address = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g
  let seen = 0
  for (const { path, code } of SOURCES) {
    // A namespace of .NET looks like a host.
    const plain = code.replaceAll('\\.', '.').replaceAll('System.Net.', '')
    for (const [host] of plain.matchAll(name)) {
      seen += 1
      assert.ok(listed(host.toLowerCase()), `${path}: ${host}`)
    }
    for (const [host] of plain.matchAll(address)) assert.ok(LOCAL_ADDRESSES[host]?.includes(path), `${path}: ${host}`)
  }
  assert.ok(seen > 30)
})

test('only the allowlist makes a TrustedUrl', () => {
  assert.deepEqual(offenders(/\bas TrustedUrl\b/, ['net/allowlist.ts']), [])
  assert.deepEqual(offenders(/\bas unknown as\b|\bas any\b|@ts-/), [])
})

test('a secret is revealed in known places only', () => {
  const places = SOURCES.flatMap(({ path, code }) => [...code.matchAll(/\.reveal\(\)/g)].map(() => path)).sort()
  assert.deepEqual(places, [
    'agent/client.ts',
    'cli/answer.ts',
    'cli/mint.ts',
    'cli/mint.ts',
    'identity/certificate.ts',
    'identity/claims.ts',
    'identity/feed-endpoints.ts',
    'net/request.ts',
    'net/tunnel.ts',
  ])
})

test('no barrels, no default exports, no module state, no drawers', () => {
  assert.deepEqual(offenders(/export default|export \* |export let|^(let|var) /m), [])
  assert.deepEqual(SOURCES.filter(({ path }) => /(^|\/)(index|utils?|helpers?|common|manager|misc)\.ts$/.test(path)).map(({ path }) => path), [])
})

test('every export has a docstring', () => {
  for (const { path, text } of SOURCES) {
    for (const match of text.matchAll(/^(.*)\n(export (?:async )?(?:function\*?|const|class|interface|type) \w+)/gm)) {
      assert.match(match[1] ?? '', /\*\/$/, `${path}: ${match[2]}`)
    }
  }
})

/** What the promise of 4,000 lines does not speak of: the agent, other services' keyrings, and the name keyring-subprocess. */
const BEYOND = /^agent\/|^cli\/(agent|delegate|wrapped-call)\.ts$|^system\/(node-)?sockets\.ts$/

test('a file has at most 150 lines of code; all together 4,000, and what is beyond the promise 480', () => {
  const lines = (code: string): number => code.split('\n').filter((line) => line.trim() !== '').length
  for (const { path, code } of SOURCES) assert.ok(lines(code) <= 150, `${path} has ${lines(code)}`)
  const sum = (sources: readonly Source[]): number => sources.reduce((total, { code }) => total + lines(code), 0)
  const promised = sum(SOURCES.filter(({ path }) => !BEYOND.test(path)))
  assert.ok(promised <= 4000, `${promised}`)
  assert.ok(sum(SOURCES.filter(({ path }) => BEYOND.test(path))) <= 480)
})

test('every variable that is declared is read, and none is read past the table', () => {
  for (const name of Object.keys(VARIABLES)) {
    const users = SOURCES.filter(({ path, code }) => code.includes(path === 'system/settings.ts' ? `setting(system, '${name}')` : `'${name}'`))
    assert.notEqual(users.length, 0, `${name} is read nowhere`)
  }
  assert.deepEqual(offenders(/\.env\b/, ['agent/client.ts', 'main.ts', 'system/node.ts', 'system/node-run.ts', 'system/settings.ts']), [])
})
