import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What is not copied: it is made anew, or linked because it is large and only read. */
const NOT_COPIED = ['.git', 'dist', 'build', 'coverage', 'node_modules', '.clients']
const LINKED = ['node_modules', '.clients']

/** Options of Node with which tests run in a workspace. */
export const PRELOAD = ['--require', './test/quality/import-star.cjs'] as const

/** The folders of tests that `npm test` runs. */
export const TEST_FOLDERS = ['unit', 'cli', 'flow', 'clients'] as const

/**
 * A copy of the project in which the tests are compiled too, and in which what they import from `src/` is
 * the built program itself. So one file of JavaScript is measured or changed, whoever runs it.
 */
export interface Workspace {
  readonly root: string
  /** Source maps of `dist/`, under the same names and with `.map` behind. */
  readonly maps: string
}

/** Copies and compiles the project. The real one is only read. */
export function makeWorkspace(): Workspace {
  // The real path: Node reports scripts by it.
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'keyring-quality-')))
  const root = join(base, 'project')
  const maps = join(base, 'maps')
  const copied = (from: string): boolean => !NOT_COPIED.includes(relative(ROOT, from))
  cpSync(ROOT, root, { recursive: true, filter: copied })
  for (const name of LINKED) if (existsSync(join(ROOT, name))) symlinkSync(join(ROOT, name), join(root, name))
  compile(root, '-p', 'src')
  compile(root, '-p', 'src', '--sourceMap', '--outDir', maps)
  copyFileSync(join(root, 'bin/package.json'), join(root, 'dist/package.json'))
  checkIdentical(root, maps)
  // Types are the business of `npm run typecheck`.
  const asModules = ['--noEmit', 'false', '--allowImportingTsExtensions', 'false', '--rewriteRelativeImportExtensions']
  compile(root, '-p', '.', ...asModules, '--noCheck', '--rootDir', '.', '--outDir', 'build')
  cpSync(join(root, 'build/test'), join(root, 'test'), { recursive: true })
  rmSync(join(root, 'build'), { recursive: true })
  for (const path of builtFiles(root)) {
    const place = join(root, 'src', path)
    symlinkSync(relative(dirname(place), join(root, 'dist', path)), place)
  }
  return { root, maps }
}

/** A second workspace, to change on its own. */
export function copyWorkspace({ root, maps }: Workspace, name: string): Workspace {
  const copy = join(dirname(root), name)
  cpSync(root, copy, { recursive: true, verbatimSymlinks: true })
  return { root: copy, maps }
}

/** Removes a workspace and its copies. */
export function removeWorkspace({ root }: Workspace): void {
  rmSync(dirname(root), { recursive: true, force: true })
}

/** The files of the built program, relative to `dist/`, with `/`. */
export function builtFiles(root: string): readonly string[] {
  return filesBelow(join(root, 'dist'), '.js')
}

/** The compiled test files of a folder, relative to the workspace. */
export function testFiles(root: string, folder: string): readonly string[] {
  return filesBelow(join(root, 'test', folder), '.test.js').map((name) => `test/${folder}/${name}`)
}

function filesBelow(folder: string, ending: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith(ending)).map((name) => name.replaceAll('\\', '/')).sort()
}

function compile(root: string, ...args: readonly string[]): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, ...args], { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`tsc ${args.join(' ')} failed:\n${stdout}${stderr}`)
}

/** The maps are of another run of the compiler: it must have written the same program. */
function checkIdentical(root: string, maps: string): void {
  for (const path of builtFiles(root)) {
    const withMap = readFileSync(join(maps, path), 'utf8').replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n')
    if (withMap.trimEnd() !== readFileSync(join(root, 'dist', path), 'utf8').trimEnd()) {
      throw new Error(`${path} is another program when compiled with a source map`)
    }
  }
}
