import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../supply/run.ts'

interface File {
  readonly name: string
  readonly text: string
  /** Without comments and empty lines. */
  readonly lines: readonly string[]
}

interface Job {
  readonly name: string
  readonly text: string
  /** What it asks of GitHub's token, such as `contents: read`. */
  readonly permissions: readonly string[]
  readonly actions: readonly string[]
}

function read(path: string): File {
  const text = readFileSync(join(root, path), 'utf8')
  const lines = text.split('\n').map((line) => line.trimEnd()).filter((line) => !/^\s*(?:#|$)/.test(line))
  return { name: path, text, lines }
}

const WORKFLOWS = readdirSync(join(root, '.github/workflows')).sort().map((name) => read(`.github/workflows/${name}`))
const ACTIONS = readdirSync(join(root, '.github/actions')).map((name) => read(`.github/actions/${name}/action.yml`))
const [ci, release] = WORKFLOWS

/** The lines below a key of two spaces' less indentation, joined; undefined where there is no such key. */
function block(lines: readonly string[], key: string, indent: string): readonly string[] | undefined {
  const start = lines.findIndex((line) => line === `${indent}${key}:`)
  if (start === -1) return undefined
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => !line.startsWith(`${indent} `))
  return end === -1 ? rest : rest.slice(0, end)
}

function jobs({ lines }: File): readonly Job[] {
  const all = block(lines, 'jobs', '') ?? []
  const names = all.flatMap((line) => /^ {2}([\w-]+):$/.exec(line)?.[1] ?? [])
  return names.map((name) => {
    const body = block(all, name, '  ') ?? []
    const text = body.join('\n')
    return {
      name,
      text,
      permissions: (block(body, 'permissions', '    ') ?? []).map((line) => line.trim()),
      actions: [...text.matchAll(/uses: ([\w/-]+)@/g)].map((match) => match[1] ?? ''),
    }
  })
}

function job(file: File | undefined, name: string): Job {
  const found = file === undefined ? undefined : jobs(file).find((item) => item.name === name)
  assert.ok(found !== undefined, name)
  return found
}

test('there are two workflows, and they are understood', () => {
  assert.deepEqual(WORKFLOWS.map(({ name }) => name), ['.github/workflows/ci.yml', '.github/workflows/release.yml'])
  assert.deepEqual(WORKFLOWS.map((file) => jobs(file).map(({ name }) => name)), [
    ['full', 'portable', 'executable'],
    ['package', 'executable', 'attest', 'publish', 'github'],
  ])
  // What the text patterns here do not understand: tabs, anchors, quoted keys, flow maps of jobs.
  for (const { name, text } of WORKFLOWS) assert.doesNotMatch(text, /\t|^\s*<<:|: [&*]\w|^\s*["'][\w-]+["']:|\r/m, name)
})

test('every action is pinned by a whole commit hash, with its version beside it, and one hash a version', () => {
  const pins = new Map<string, string>()
  for (const { name, lines } of [...WORKFLOWS, ...ACTIONS]) {
    for (const line of lines.filter((text) => /\buses\b/.test(text))) {
      const match = /^\s*- uses: (actions\/[a-z-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$/.exec(line)
      assert.ok(match !== null, `${name}: ${line}`)
      const [, action = '', hash = ''] = match
      assert.equal(pins.get(action) ?? hash, hash, action)
      pins.set(action, hash)
    }
  }
  assert.ok(pins.size > 3)
})

test('a workflow has no permission, and every job only those that it names', () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    full: ['contents: read'],
    portable: ['contents: read'],
    executable: ['contents: read'],
    package: ['contents: read'],
    attest: ['attestations: write', 'id-token: write'],
    publish: ['id-token: write'],
    github: ['contents: write'],
  }
  for (const file of WORKFLOWS) {
    assert.ok(file.lines.includes('permissions: {}'), file.name)
    assert.equal(file.text.match(/\bpermissions:/g)?.length, jobs(file).length + 1)
    for (const { name, permissions } of jobs(file)) assert.deepEqual(permissions, expected[name], name)
  }
})

test('a pull request runs without secrets, and no workflow with the rights of the target', () => {
  assert.deepEqual(block(ci?.lines ?? [], 'on', ''), ['  push:', '    branches: [main]', '  pull_request:'])
  assert.deepEqual(block(release?.lines ?? [], 'on', ''), ['  push:', "    tags: ['v*']"])
  for (const { name, text } of [...WORKFLOWS, ...ACTIONS]) {
    assert.doesNotMatch(text, /pull_request_target|workflow_run|issue_comment|secrets[.[]|NPM_TOKEN|NODE_AUTH_TOKEN/, name)
  }
  assert.doesNotMatch(ci?.text ?? '', /github\.token|GH_TOKEN|id-token|write/)
})

test('nothing that others can name is pasted into a shell', () => {
  for (const { name, lines } of [...WORKFLOWS, ...ACTIONS]) {
    const trusted = /^\$\{\{ (?:matrix\.\w+|github\.(?:workflow|ref|ref_name|token)|inputs\.[\w-]+|steps\.mint\.outputs\.token) \}\}$/
    for (const line of lines) {
      for (const [expression] of line.matchAll(/\$\{\{.*?\}\}/g)) assert.match(expression, trusted, `${name}: ${line}`)
      assert.doesNotMatch(line, /\brun:.*\$\{\{/, name)
    }
    const scripts = lines.join('\n').matchAll(/^( *)(?:- )?run: \|\n((?:\1 +.*\n?)+)/gm)
    for (const [, , body] of scripts) assert.doesNotMatch(body ?? '', /\$\{\{/, name)
  }
})

test('checkout leaves no token behind; every job ends in time; nothing is installed with scripts', () => {
  for (const file of WORKFLOWS) {
    const count = (pattern: RegExp): number => file.text.match(pattern)?.length ?? 0
    assert.equal(count(/persist-credentials: false/g), count(/uses: actions\/checkout@/g), file.name)
    for (const { name, text } of jobs(file)) assert.match(text, /^ {4}timeout-minutes: \d+$/m, name)
    for (const [command] of file.text.matchAll(/npm (?:ci|install|pack|publish)\b.*/g)) assert.match(command, /--ignore-scripts/)
  }
})

test('what can sign or publish runs no code of the repository', () => {
  for (const name of ['attest', 'publish', 'github']) {
    const { text, actions } = job(release, name)
    assert.equal(actions.includes('actions/checkout'), false, name)
    assert.doesNotMatch(text, /npm (?:ci|install|run)|npx|\bnode\b /, name)
  }
})

test('a release is tested, built twice, attested and published in this order, by the identity of the workflow', () => {
  const needs = (name: string): string => /^ {4}needs: (.*)$/m.exec(job(release, name).text)?.[1] ?? ''
  assert.deepEqual(['attest', 'publish', 'github'].map(needs), ['[package, executable]', 'attest', 'publish'])
  const { text } = job(release, 'package')
  const steps = ['bash .ci/run', 'npm run lock:verify', 'npm run build', 'npm pack', 'cmp ', 'actions/upload-artifact']
  const places = steps.map((step) => text.indexOf(step))
  assert.deepEqual(places, [...places].sort((a, b) => a - b))
  assert.ok(!places.includes(-1))
  assert.match(job(release, 'publish').text, /npm publish \.\/release\/artifacts-keyring-nofuss-\*\.tgz .*--provenance/)
  assert.match(job(release, 'publish').text, /sha256sum --check SHA256SUMS/)
  assert.match(job(release, 'attest').text, /subject-path: release\/\*/)
  for (const file of ['dist/sbom.cdx.json', 'dist/sbom.spdx.json']) assert.ok(text.includes(file), file)
})

test('CI runs .ci/run on Linux, the portable tests on three systems with three Nodes, and the executable on each', () => {
  assert.match(job(ci, 'full').text, /runs-on: ubuntu[\s\S]*run: bash \.ci\/run/)
  for (const name of ['portable', 'executable']) assert.match(job(ci, name).text, /os: \[ubuntu-[\d.]+, windows-\d+, macos-\d+\]/)
  assert.match(job(ci, 'portable').text, /node: \[22, 24, 26\][\s\S]*npm run test:portable/)
  assert.match(job(ci, 'executable').text, /npm run exe\n[\s\S]*npm run exe:check/)
})

test('every npm script that a workflow runs exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: object }
  for (const { text } of WORKFLOWS) {
    for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g)) assert.ok(name in scripts, name)
  }
})

test('dependency updates come grouped, for npm and for the actions', () => {
  const { lines } = read('.github/dependabot.yml')
  const text = lines.join('\n')
  assert.deepEqual([...text.matchAll(/package-ecosystem: (\S+)/g)].map((match) => match[1]), ['npm', 'github-actions'])
  assert.equal(text.match(/^ {4}groups:$/gm)?.length, 2)
  assert.equal(text.match(/patterns: \['\*'\]/g)?.length, 2)
})

test('the newest entry of CHANGELOG.md is the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  assert.equal(/^## (\S+)/m.exec(readFileSync(join(root, '.github/CHANGELOG.md'), 'utf8'))?.[1], version)
})
