import { readFileSync } from 'node:fs'

/** The text of README.md. */
export const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** A fenced block. */
export interface Block {
  readonly language: string
  readonly text: string
  /** The paragraph before it. */
  readonly before: string
}

/** A heading and what stands below it, until the next heading. */
export interface Section {
  readonly title: string
  /** The heading as GitHub links to it. */
  readonly anchor: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** The sections of a Markdown text; `##` and `###` start one. */
export function sections(markdown: string): readonly Section[] {
  const parts: { readonly title: string; readonly lines: string[] }[] = []
  let fenced = false
  for (const line of markdown.split('\n')) {
    if (/^ *```/.test(line)) fenced = !fenced
    const title = fenced ? undefined : /^##+ (.+)$/.exec(line)?.[1]
    if (title !== undefined) parts.push({ title, lines: [] })
    else parts.at(-1)?.lines.push(line)
  }
  return parts.map(({ title, lines }) => {
    const text = lines.join('\n')
    return { title, anchor: title.toLowerCase().replace(/[^\w\s-]/g, '').replaceAll(' ', '-'), text, blocks: blocks(text) }
  })
}

function blocks(text: string): readonly Block[] {
  return [...text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^\1```$/gm)].map((match) => {
    const [, indent = '', language = '', content = ''] = match
    const before = text.slice(0, match.index).trimEnd().split('\n\n').at(-1) ?? ''
    return { language, text: content.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), before }
  })
}

/** The rows of the table of places: what the reader is, and the section that the row leads to. */
export function pickerRows(markdown: string): readonly { readonly label: string; readonly anchor: string }[] {
  const table = sections(markdown).find(({ title }) => title === 'Set it up')?.text ?? ''
  const links = table.matchAll(/^\| \[([^\]]+)\]\(#([\w-]+)\) \|/gm)
  return [...links].map(([, label = '', anchor = '']) => ({ label, anchor }))
}

/** The commands that README says work in each place. */
export function commandsEverywhere(markdown: string): string {
  const text = sections(markdown).find(({ title }) => title === 'Set it up')?.text ?? ''
  const line = text.split('\n').find((candidate) => candidate.endsWith('work there.')) ?? ''
  return [...line.matchAll(/`([^`]+)`/g)].map(([, command]) => `${command}\n`).join('')
}

/** The file in the home folder that the paragraph before a block names first. */
export function fileOf(block: Block): string | undefined {
  return /`~\/([^`]+)`/.exec(block.before)?.[1]
}

/** A command of a pipeline, with its variables. */
export interface Step {
  readonly script: string
  readonly env: Readonly<Record<string, string>>
}

/** The commands of the YAML of a job, of GitHub Actions or Azure Pipelines, as far as README uses it. */
export function yamlSteps(yaml: string): readonly Step[] {
  const common: Record<string, string> = {}
  const steps: { readonly script: string[]; readonly env: Record<string, string> }[] = []
  let inner: { readonly column: number; readonly take: (line: string) => void } | undefined
  for (const line of yaml.split('\n')) {
    const [, indent = '', dash = '', rest = ''] = /^( *)(- )?(.*)$/.exec(line) ?? []
    const column = indent.length + dash.length
    if (inner !== undefined && column > inner.column) {
      inner.take(rest)
      continue
    }
    inner = undefined
    if (dash !== '') steps.push({ script: [], env: {} })
    const step = steps.at(-1)
    const [, key, value = ''] = /^([\w-]+):\s*(.*)$/.exec(rest) ?? []
    if (key === 'env') {
      inner = { column, take: (text) => Object.assign(step?.env ?? common, variable(text)) }
    } else if (key === 'run' || key === 'script') {
      if (value === '|') inner = { column, take: (text) => void step?.script.push(text) }
      else step?.script.push(value)
    }
  }
  return steps
    .filter(({ script }) => script.length > 0)
    .map(({ script, env }) => ({ script: script.join('\n'), env: { ...common, ...env } }))
}

function variable(text: string): Record<string, string> {
  const [, name, value] = /^(\w+): (.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new Error(`no variable: ${text}`)
  return { [name]: value }
}

/** The instructions of a Dockerfile. */
export function instructions(dockerfile: string): readonly { readonly name: string; readonly rest: string }[] {
  return dockerfile
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+) +(.+)$/.exec(line) ?? []
      return { name, rest }
    })
}
