import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { root } from './run.ts'

/** A file of src/, as an auditor meets it. */
export interface Source {
  /** Below `src/`. */
  readonly path: string
  readonly lines: number
  /** Without comments and empty lines. */
  readonly codeLines: number
  /** The first sentence of the docstring of what the file is named after, else of its first export. */
  readonly summary: string
  /** The `node:` modules that it imports. */
  readonly builtIns: readonly string[]
  /** The lines that take a secret out of its `Secret`. */
  readonly reveals: readonly string[]
}

interface Parsed extends Source {
  /** The files of src/ that it imports, in order, those that are loaded later too. */
  readonly imports: readonly string[]
}

/** A source text without its comments. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** How many lines of a source text are code: neither comment nor empty. */
export function countCodeLines(text: string): number {
  return withoutComments(text).split('\n').filter((line) => line.trim() !== '').length
}

/** The docstring of the export that has the file's name, else of the first one. */
function summaryOf(path: string, text: string): string {
  const exports = [...text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:async )?\w+\*? (\w+)/g)]
  const name = posix.basename(path, '.ts').replaceAll('-', '').toLowerCase()
  const comment = (exports.find((match) => match[2]?.toLowerCase() === name) ?? exports[0])?.[1] ?? ''
  const flat = comment.replace(/^\s*\* ?/gm, ' ').replace(/\s+/g, ' ').trim()
  return (/^.*?[.;:](?= |$)/.exec(flat)?.[0] ?? flat).replace(/[.;:]$/, '')
}

function parse(path: string): Parsed {
  const text = readFileSync(join(root, 'src', path), 'utf8')
  const code = withoutComments(text)
  const names = [...code.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1] ?? '')
  return {
    path,
    lines: text.split('\n').length - 1,
    codeLines: countCodeLines(text),
    summary: summaryOf(path, text),
    builtIns: [...new Set(names.filter((name) => name.startsWith('node:')))].sort(),
    reveals: code.split('\n').filter((line) => line.includes('.reveal()')).map((line) => line.trim()),
    imports: names.filter((name) => name.startsWith('.')).map((name) => posix.join(dirname(path), name)),
  }
}

/**
 * Every file that the program can load, in the order to read them in: the story first, then each file
 * where an earlier one first names it, depth first; the edges last.
 */
export function readingOrder(): readonly Source[] {
  const found = new Map<string, Source>()
  const visit = (path: string): void => {
    if (found.has(path)) return
    const source = parse(path)
    found.set(path, source)
    source.imports.forEach(visit)
  }
  visit('get-credential.ts')
  visit('main.ts')
  return [...found.values()]
}
