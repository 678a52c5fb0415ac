import { SupplyError } from './run.ts'

/** A package of package-lock.json, with the lock's own hash of its tarball. */
export interface LockedPackage {
  readonly name: string
  readonly version: string
  readonly integrity: string
}

/** One line of requirements-lock.txt: a package and the SHA-256 of its tarball, in hex. */
export interface Requirement {
  readonly name: string
  readonly version: string
  readonly sha256: string
}

/** The parts of requirements-lock.txt, in the file's order. */
export const partNames = ['runtime', 'toolchain', 'node'] as const

/** One of the parts of requirements-lock.txt. */
export type PartName = (typeof partNames)[number]

/** The requirements of every part of requirements-lock.txt. */
export type Parts = Readonly<Record<PartName, readonly Requirement[]>>

interface PackageLock {
  readonly packages: Readonly<Record<string, LockEntry>>
}

interface LockEntry {
  readonly name?: string
  readonly version?: string
  readonly integrity?: string
}

const preamble = [
  'The SHA-256 of every package that building or testing this program downloads from npm.',
  'Each was computed from bytes that first matched the SHA-512 of package-lock.json.',
  'npm itself checks package-lock.json; this file is for people and scanners who review the',
  'supply chain, for `npm run lock:verify`, and for `npm run nodes`, which checks against it.',
  'Written by `npm run lock`. Do not edit it by hand.',
]

const headings: Readonly<Record<PartName, readonly string[]>> = {
  runtime: ['runtime', 'Nothing: the program imports only node: modules.'],
  toolchain: ['toolchain (devDependencies: build and test only)'],
  node: ['node (the versions the tests run on, and the one keyring.exe is made of)'],
}

const line = /^(?<name>\S+?)==(?<version>\S+) --hash=sha256:(?<sha256>[0-9a-f]{64})$/

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Every package of a parsed package-lock.json, once each, sorted by name and version. */
export function lockedPackages(lock: unknown): LockedPackage[] {
  const found = new Map<string, LockedPackage>()
  for (const [path, entry] of Object.entries((lock as PackageLock).packages)) {
    if (path === '') continue
    // The path of a nested copy ends in its name; an alias carries its real name in the entry.
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 13)
    const { version, integrity } = entry
    if (version === undefined || integrity?.startsWith('sha512-') !== true) {
      throw new SupplyError(`package-lock.json: ${path} has no version or no SHA-512`)
    }
    const known = found.get(`${name}==${version}`)
    if (known !== undefined && known.integrity !== integrity) {
      throw new SupplyError(`package-lock.json: two hashes for ${name} ${version}`)
    }
    found.set(`${name}==${version}`, { name, version, integrity })
  }
  return [...found.values()].sort(
    (a, b) => compareText(a.name, b.name) || compareText(a.version, b.version),
  )
}

/** A requirement as its line in the file. */
export function formatRequirement(requirement: Requirement): string {
  return `${requirement.name}==${requirement.version} --hash=sha256:${requirement.sha256}`
}

/** The whole text of requirements-lock.txt. */
export function formatLock(parts: Parts): string {
  const sections = partNames.map((part) => [
    ...headings[part].map((text) => `# ${text}`),
    ...parts[part].map(formatRequirement),
  ])
  return [preamble.map((text) => `# ${text}`), ...sections]
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

/** Reads requirements-lock.txt; a line that is no comment, heading or requirement throws. */
export function parseLock(text: string): Parts {
  const parts: Record<PartName, Requirement[]> = { runtime: [], toolchain: [], node: [] }
  let part: PartName | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const heading = partNames.find((name) => raw === `# ${headings[name][0]}`)
    if (heading !== undefined) part = heading
    if (raw === '' || raw.startsWith('#')) continue
    const { name, version, sha256 } = line.exec(raw)?.groups ?? {}
    if (part === undefined || name === undefined || version === undefined) {
      throw new SupplyError(`requirements-lock.txt:${index + 1}: not a pinned package: ${raw}`)
    }
    parts[part].push({ name, version, sha256: sha256 ?? '' })
  }
  return parts
}
