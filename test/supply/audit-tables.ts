import type { Source } from './sources.ts'

type Row = readonly (string | number)[]

function table(heading: Row, rows: readonly Row[]): string {
  const line = (row: Row): string => `| ${row.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n')
}

function total(sources: readonly Source[], count: (source: Source) => number): number {
  return sources.reduce((sum, source) => sum + count(source), 0)
}

/** The generated parts of AUDIT.md, by the name of their marker. */
export function auditTables(sources: readonly Source[]): Readonly<Record<string, string>> {
  const lines = [total(sources, (source) => source.lines), total(sources, (source) => source.codeLines)]
  const modules = [...new Set(sources.flatMap(({ builtIns }) => builtIns))].sort()
  const users = (name: string): string =>
    sources.filter(({ builtIns }) => builtIns.includes(name)).map(({ path }) => `\`${path}\``).sort().join(', ')
  const reveals = sources.flatMap(({ path, reveals }) => reveals.map((line) => [`\`${path}\``, `\`${line}\``]))
  return {
    files: table(
      ['', 'file', 'lines', 'of code', 'what it gives'],
      [
        ...sources.map((source, index) => [index + 1, `\`${source.path}\``, source.lines, source.codeLines, source.summary]),
        ['', `${sources.length} files`, ...lines, ''],
      ],
    ),
    modules: table(['module', 'used in'], modules.map((name) => [`\`${name}\``, users(name)])),
    secrets: `${reveals.length} places:\n\n${table(['file', 'line'], [...reveals].sort())}`,
  }
}

/** AUDIT.md with each generated part in its markers; a marker that is missing or unknown throws. */
export function fillMarkers(text: string, parts: Readonly<Record<string, string>>): string {
  const marker = /<!-- (\w+): (.*) -->\n[\s\S]*?<!-- end -->/g
  const names = [...text.matchAll(marker)].map((match) => match[1] ?? '')
  if (names.sort().join() !== Object.keys(parts).sort().join()) {
    throw new Error(`the markers are ${names.join(', ')}`)
  }
  return text.replace(marker, (_, name: string, note: string) =>
    `<!-- ${name}: ${note} -->\n\n${parts[name] ?? ''}\n\n<!-- end -->`)
}
