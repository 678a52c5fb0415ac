import { gunzipSync } from 'node:zlib'
import { SupplyError } from './run.ts'

/** A file of an npm package, under its path in the package. */
export interface TarFile {
  readonly path: string
  /** Permission bits, such as 0o644. */
  readonly mode: number
  /** Seconds since 1970. */
  readonly time: number
  readonly bytes: Buffer
}

const blockSize = 512

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? length : end).toString('utf8')
}

function octal(header: Buffer, start: number, length: number): number {
  return Number.parseInt(text(header, start, length).trim(), 8)
}

/** The sum of a header's bytes, its own field taken as blanks (POSIX pax, ustar interchange format). */
function checksum(header: Buffer): number {
  return header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 0x20 : byte), 0)
}

/**
 * The files of an npm package's tarball, in its order. Only what npm itself makes of this package is
 * read: plain files below `package/`. Anything else (a link, a long name, a path outside) throws, so
 * that nothing hides from a comparison.
 */
export function readTarball(tarball: Buffer): TarFile[] {
  const tar = gunzipSync(tarball, { maxOutputLength: 64 * 1024 * 1024 })
  const files: TarFile[] = []
  let at = 0
  while (at + blockSize <= tar.length) {
    const header = tar.subarray(at, at + blockSize)
    if (header.every((byte) => byte === 0)) break
    const name = [text(header, 345, 155), text(header, 0, 100)].filter((part) => part !== '').join('/')
    const size = octal(header, 124, 12)
    if (octal(header, 148, 8) !== checksum(header)) throw new SupplyError(`a bad header at ${at}: ${name}`)
    if (text(header, 156, 1) !== '0') throw new SupplyError(`not a plain file: ${name}`)
    if (!/^package\/[\w./-]+$/.test(name) || name.split('/').includes('..')) {
      throw new SupplyError(`a name that this package cannot have: ${name}`)
    }
    const start = at + blockSize
    if (start + size > tar.length) throw new SupplyError(`${name} ends early`)
    files.push({
      path: name.slice('package/'.length),
      mode: octal(header, 100, 8),
      time: octal(header, 136, 12),
      bytes: tar.subarray(start, start + size),
    })
    at = start + Math.ceil(size / blockSize) * blockSize
  }
  if (tar.subarray(at).some((byte) => byte !== 0)) throw new SupplyError('something follows the last file')
  if (new Set(files.map(({ path }) => path)).size !== files.length) throw new SupplyError('a file is there twice')
  return files
}

/** What a tarball has other than the expected one, a line each; none when both hold the same files. */
export function differences(given: readonly TarFile[], expected: readonly TarFile[]): string[] {
  const find = (list: readonly TarFile[], path: string): TarFile | undefined => list.find((file) => file.path === path)
  const paths = [...new Set([...given, ...expected].map(({ path }) => path))].sort()
  return paths.flatMap((path) => {
    const [a, b] = [find(given, path), find(expected, path)]
    if (a === undefined) return [`missing: ${path}`]
    if (b === undefined) return [`extra: ${path}`]
    if (!a.bytes.equals(b.bytes)) return [`differs: ${path}`]
    return a.mode === b.mode ? [] : [`mode ${a.mode.toString(8)}, not ${b.mode.toString(8)}: ${path}`]
  })
}
