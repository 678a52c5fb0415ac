import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { runProgram } from '../flow/program.ts'
import type { Ended } from '../flow/program.ts'
import { billPaths, packedFile, verificationCode } from './bill-of-materials.ts'
import { buildAndPack, clone, inShell } from './clone.ts'
import type { Circumstances } from './clone.ts'
import { sha256 } from './pack.ts'
import { packedListPath } from './packed-files.ts'
import { root } from './run.ts'
import { readTarball } from './tarball.ts'
import type { TarFile } from './tarball.ts'

const directory = mkdtempSync(join(tmpdir(), 'package '))
const first: Circumstances = { umask: '022', env: { TZ: 'UTC', LC_ALL: 'C' } }
const shift = join(directory, 'another-day.cjs')
const second: Circumstances = {
  umask: '077',
  env: { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8', NODE_OPTIONS: `--require "${shift}"` },
}
const one = join(directory, 'one')
const two = join(directory, 'another folder', 'two')
let packed: string
let bytes: Buffer
let files: readonly TarFile[]

// Every Node process of the second build lives 400 days and some hours later.
const anotherDay = `const real = Date
const later = () => real.now() + 400 * 86_400_000 + 12_345_678
globalThis.Date = class extends real {
  constructor(...args) { super(...(args.length === 0 ? [later()] : args)) }
  static now() { return later() }
}
`

before(async () => {
  writeFileSync(shift, anotherDay)
  await clone(one, first)
  packed = await buildAndPack(one, first)
  bytes = readFileSync(packed)
  files = readTarball(bytes)
})
after(() => rmSync(directory, { recursive: true, force: true }))

function content(path: string): Buffer {
  const file = files.find((item) => item.path === path)
  assert.ok(file !== undefined, path)
  return file.bytes
}

/** `npm run verify` in the first clone. */
function verify(path: string): Promise<Ended> {
  const args = ['run', '--silent', 'verify', '--', path]
  return runProgram('npm', args, { PATH: process.env['PATH'] ?? '', HOME: directory }, { cwd: one, limitMs: 300_000 })
}

/** The package with some of its files changed, as a tarball that npm could have made. */
function tampered(change: (files: TarFile[]) => void): string {
  const copies = files.map((file) => ({ ...file, bytes: Buffer.from(file.bytes) }))
  change(copies)
  const blocks = copies.map((file) => {
    const header = Buffer.alloc(512)
    header.write(`package/${file.path}`, 0)
    header.write(`${file.mode.toString(8).padStart(6, '0')} \0`, 100)
    header.write(`${file.bytes.length.toString(8).padStart(11, '0')} `, 124)
    header.write(`${file.time.toString(8).padStart(11, '0')} `, 136)
    header.write('        0', 148)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return Buffer.concat([header, file.bytes, Buffer.alloc((512 - (file.bytes.length % 512)) % 512)])
  })
  const path = join(directory, 'tampered.tgz')
  writeFileSync(path, gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)])))
  return path
}

function at(list: TarFile[], path: string): TarFile {
  const found = list.find((file) => file.path === path)
  assert.ok(found !== undefined, path)
  return found
}

test('two clones give the same bytes: another folder, umask, time zone, locale and day', async () => {
  await clone(two, second)
  const shifted = await inShell('node -p "Date.now()"', two, second)
  assert.ok(Number(shifted) > Date.now() + 300 * 86_400_000)
  assert.equal((await inShell('umask', two, second)).trim(), '0077')
  const other = readFileSync(await buildAndPack(two, second))
  assert.equal(sha256(other), sha256(bytes))
})

test('the package holds exactly the files of packed-files.txt (`npm run build && npm run packed` writes it)', () => {
  const list = readFileSync(packedListPath, 'utf8').trimEnd().split('\n')
  assert.deepEqual(files.map(({ path }) => path).sort(), list)
})

test('the package is at most 100 kB', () => {
  assert.ok(bytes.length <= 100_000, `${bytes.length} bytes`)
})

test('dist is one file a source file, with the source\'s comments, and no source map', () => {
  const sources = readdirSync(join(one, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const expected = [...sources.map((path) => `dist/${path.replace(/\.ts$/, '.js')}`), 'dist/package.json', ...Object.values(billPaths)]
  assert.deepEqual(files.map(({ path }) => path).filter((path) => path.startsWith('dist/')).sort(), expected.sort())
  for (const path of sources) {
    const built = content(`dist/${path.replace(/\.ts$/, '.js')}`).toString('utf8')
    assert.doesNotMatch(built, /sourceMappingURL|\/tmp\/|\r/, path)
    assert.equal(built.includes(directory) || built.includes(root), false, path)
    // A comment of an export of a value survives; those of types have nothing left to explain.
    const comments = readFileSync(join(one, 'src', path), 'utf8').matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\nexport (?:async )?(?:function|class) /g)
    for (const [comment] of comments) assert.ok(built.includes(comment.replace(/\nexport .*/, '')), `${path}: ${comment}`)
  }
})

test('every file has the mode and the time that npm gives to all', () => {
  for (const { path, mode, time } of files) {
    assert.equal(mode, path === 'bin/keyring.js' ? 0o755 : 0o644, path)
    assert.equal(time, Date.parse('1985-10-26T08:15:00Z') / 1000, path)
  }
})

test('the SPDX document in the package lists the hash of every other file in it', () => {
  const bills: readonly string[] = Object.values(billPaths)
  const document = JSON.parse(content(billPaths.spdx).toString('utf8')) as {
    readonly files: readonly { readonly fileName: string; readonly checksums: readonly { readonly checksumValue: string }[] }[]
    readonly packages: readonly [{ readonly packageVerificationCode: { readonly packageVerificationCodeValue: string } }]
  }
  const actual = files.filter(({ path }) => !bills.includes(path)).map(({ path, bytes }) => packedFile(path, bytes))
  const sorted = [...actual].sort((a, b) => (a.path < b.path ? -1 : 1))
  const listed = document.files.map(({ fileName, checksums }) => [fileName, ...checksums.map((item) => item.checksumValue)])
  assert.deepEqual(listed, sorted.map(({ path, sha1, sha256 }) => [`./${path}`, sha1, sha256]))
  assert.equal(document.packages[0].packageVerificationCode.packageVerificationCodeValue, verificationCode(actual))
})

test('the bills of materials carry the time of the commit', async () => {
  const time = Number(await inShell('git log -1 --format=%ct', one, first))
  const bills = [content(billPaths.cycloneDx), content(billPaths.spdx)].map((item) => item.toString('utf8'))
  for (const bill of bills) {
    assert.equal(Date.parse(/"(?:timestamp|created)":"([^"]+)"/.exec(bill)?.[1] ?? '') / 1000, time)
  }
})

test('an archive that git made knows the time of its commit; SOURCE_DATE_EPOCH wins', async () => {
  const archive = join(directory, 'archive')
  await inShell(`mkdir '${archive}' && git archive HEAD | tar -x -C '${archive}' && ln -s '${root}/node_modules' '${archive}'`, one, first)
  const other = readFileSync(await buildAndPack(archive, first))
  assert.equal(sha256(other), sha256(bytes))
  await inShell('npm run --silent sbom', archive, { ...first, env: { ...first.env, SOURCE_DATE_EPOCH: '86400' } })
  assert.match(readFileSync(join(archive, billPaths.spdx), 'utf8'), /"created":"1970-01-02T00:00:00Z"/)
})

test('a copy that knows no commit is built all the same, with the time that npm gives to every file', async () => {
  const copy = join(directory, 'copy')
  await inShell(`mkdir '${copy}' && cp -R src test bin .github dist LICENSE README.md *.json *.txt '${copy}' && ln -s '${root}/node_modules' '${copy}'`, one, first)
  const created = (): string => /"created":"([^"]*)"/.exec(readFileSync(join(copy, billPaths.spdx), 'utf8'))?.[1] ?? ''
  assert.doesNotMatch(await inShell('npm run --silent sbom 2>&1', copy, first), /git/)
  assert.equal(created(), '1985-10-26T08:15:00Z')
  // As in a container without git, or with a checkout that git does not trust.
  await inShell('mkdir .git', copy, first)
  assert.match(await inShell('npm run --silent sbom 2>&1', copy, first), /^git does not tell the time of the commit/m)
  assert.equal(created(), '1985-10-26T08:15:00Z')
})

test('verify accepts the package and prints its SHA-256', async () => {
  const ended = await verify(packed)
  assert.equal(ended.status, 0, ended.stderr)
  assert.equal(ended.stdout, `${files.length} files, each as this checkout builds it\nsha256 ${sha256(bytes)}\n`)
})

test('verify accepts the same files in another compression, and says so', async () => {
  const ended = await verify(tampered(() => {}))
  assert.equal(ended.status, 0, ended.stderr)
  assert.match(ended.stdout, /compressed by another npm/)
})

test('verify names what differs, is missing, is too much and has another mode', async () => {
  const ended = await verify(tampered((list) => {
    const main = at(list, 'dist/main.js')
    main.bytes[main.bytes.length - 2] = 0x20
    list.splice(list.indexOf(at(list, 'dist/version.js')), 1)
    list.push({ ...main, path: 'dist/zz.js' })
    Object.assign(at(list, 'README.md'), { mode: 0o755 })
  }))
  assert.equal(ended.status, 1)
  assert.equal(ended.stdout, '')
  const lines = ended.stderr.split('\n').filter((line) => /^\w+[^:]*: (dist|README)/.test(line))
  assert.deepEqual(lines, ['mode 755, not 644: README.md', 'differs: dist/main.js', 'missing: dist/version.js', 'extra: dist/zz.js'])
})

for (const [name, path] of [['a path outside', 'dist/../../../etc/x'], ['a name with a control character', 'dist/a\u001b.js']] as const) {
  test(`verify refuses ${name}`, async () => {
    const ended = await verify(tampered((list) => Object.assign(at(list, 'dist/version.js'), { path })))
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /a name that this package cannot have/)
  })
}

test('verify says in a line what is no package', async () => {
  const path = join(directory, 'none.tgz')
  writeFileSync(path, 'no archive')
  chmodSync(path, 0o600)
  for (const [argument, reason] of [[path, /^verify: \S.* is no package: /m], [join(directory, 'nowhere'), /^verify: cannot read /m]] as const) {
    const ended = await verify(argument)
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, reason)
  }
})
