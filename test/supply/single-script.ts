import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SupplyError } from './run.ts'

// Node's loader cannot be had in a single executable, where `require` knows built-in modules only. A
// module asks for `./x.js`, from where it is, or for a module of Node: nothing else is imported.
const loader = `const loaded = Object.create(null)
function load(path) {
  if (loaded[path] === undefined) {
    const module = (loaded[path] = { exports: {} })
    modules[path]((name) => (name.startsWith('.') ? load(join(path, name)) : require(name)), module.exports)
  }
  return loaded[path].exports
}
function join(from, name) {
  return new URL(name, 'file:///' + from).pathname.slice(1)
}
// As where Node runs a script: its path is the second word, and a program that starts itself gives it.
process.argv[1] = process.execPath
if (process.argv[2] === process.execPath) process.argv.splice(2, 1)
load('main.js')
`

/**
 * One CommonJS script that does what dist/main.js does: every file of dist/, as it is, in a function of
 * its own, and a loader of a dozen lines. Not minified, in the order of the paths, so the same dist/
 * gives the same script.
 */
export function singleScript(dist: string): string {
  const paths = readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.js'))
    .sort()
  if (!paths.includes('main.js')) throw new SupplyError('nothing is built: npm run build')
  const modules = paths.map((path) => {
    const text = readFileSync(join(dist, path), 'utf8')
    // A module that wants more of Node's wrapper would find the executable's own there.
    if (/\b__(?:file|dir)name\b|\bmodule\.exports\b|\brequire\./.test(text)) {
      throw new SupplyError(`dist/${path} uses more than require and exports`)
    }
    return `'${path}'(require, exports) {\n${text.trimEnd()}\n},\n`
  })
  return `'use strict'\n// The files of dist/, each in a function of its own; written by npm run exe.\nconst modules = {\n${modules.join('\n')}}\n\n${loader}`
}
