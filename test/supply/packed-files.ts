import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.ts'

/** What the scripts of this folder need of package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly files: readonly string[]
  readonly bin: Readonly<Record<string, string>>
}

/** package.json of a checkout; this one unless another is named. */
export function manifest(directory = root): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
}

// What npm packs whether `files` names it or not (npm-packlist), as far as this package has it.
const always = ['LICENSE', 'README.md', 'package.json']

function below(directory: string, path: string): string[] {
  if (!statSync(join(directory, path)).isDirectory()) return [path]
  return readdirSync(join(directory, path)).flatMap((name) => below(directory, `${path}/${name}`))
}

/** The paths, with `/`, of the files that `npm pack` takes from a built checkout, sorted. */
export function packedFiles(directory = root): string[] {
  const { files } = manifest(directory)
  return [...always, ...files].flatMap((path) => below(directory, path)).sort()
}

/** The list of what is packed, a path a line, that a test compares (`npm run packed` writes it). */
export const packedListPath = join(root, 'test', 'supply', 'packed-files.txt')
