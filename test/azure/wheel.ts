import { createHash } from 'node:crypto'

/** A file of the feed. */
export interface PackageFile {
  readonly name: string
  readonly content: Buffer
  /** Hexadecimal, as the Simple index has it. */
  readonly sha256: string
}

/** What a wheel is made of. */
export interface WheelContent {
  /** As in the name of the file: no hyphens. */
  readonly project: string
  /** The text of the one module. */
  readonly module: string
  /** The name of a program that runs the module's `main`. */
  readonly program?: string
}

/** The wheel of `private-package` 1.0. */
export const WHEEL: PackageFile = makeWheel({
  project: 'private_package',
  module: "__version__ = '1.0'\n\n\ndef main():\n    print('private-package', __version__)\n",
  program: 'private-program',
})

/** Makes a wheel of version 1.0 for every Python. */
export function makeWheel({ project, module, program }: WheelContent): PackageFile {
  const info = `${project}-1.0.dist-info`
  const entries: readonly Entry[] = [
    [`${project}/__init__.py`, module],
    [`${info}/METADATA`, `Metadata-Version: 2.1\nName: ${project.replaceAll('_', '-')}\nVersion: 1.0\n` +
      'Summary: A package that only a signed-in client can install\nRequires-Python: >=3.8\n'],
    [`${info}/WHEEL`, 'Wheel-Version: 1.0\nGenerator: stand-in (1.0)\nRoot-Is-Purelib: true\n' +
      'Tag: py3-none-any\n'],
    ...(program === undefined ? [] : [
      [`${info}/entry_points.txt`, `[console_scripts]\n${program} = ${project}:main\n`] as const,
    ]),
  ]
  return describe(`${project}-1.0-py3-none-any.whl`, zip(recorded(info, entries)))
}

type Entry = readonly [path: string, text: string]

function describe(name: string, content: Buffer): PackageFile {
  return { name, content, sha256: createHash('sha256').update(content).digest('hex') }
}

function recorded(info: string, entries: readonly Entry[]): readonly Entry[] {
  const lines = entries.map(([path, text]) => {
    const hash = createHash('sha256').update(text).digest('base64url')
    return `${path},sha256=${hash},${Buffer.byteLength(text)}\n`
  })
  return [...entries, [`${info}/RECORD`, `${lines.join('')}${info}/RECORD,,\n`]]
}

// Stored entries only: nothing here is worth compressing.
function zip(entries: readonly Entry[]): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [path, text] of entries) {
    const name = Buffer.from(path)
    const data = Buffer.from(text)
    const common = entryHeader(data, name.length)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, data])
    const central = Buffer.alloc(14)
    // The mode of the file (0644) is the upper half of the external attributes.
    central.writeUInt32LE((0o100644 << 16) >>> 0, 6)
    central.writeUInt32LE(offset, 10)
    directory.push(
      // Made by: version 2.0 on Unix.
      Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, central, name,
    )
    files.push(local)
    offset += local.length
  }
  const listing = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(listing.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...files, listing, end])
}

/** The 26 bytes that the local and the central header of an entry share. */
function entryHeader(data: Buffer, nameLength: number): Buffer {
  const header = Buffer.alloc(26)
  header.writeUInt16LE(20, 0)
  // 1980-01-01, the earliest date a ZIP can have.
  header.writeUInt16LE(0x21, 8)
  header.writeUInt32LE(crc32(data), 10)
  header.writeUInt32LE(data.length, 14)
  header.writeUInt32LE(data.length, 18)
  header.writeUInt16LE(nameLength, 22)
  return header
}

function crc32(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb88320)
  }
  return (crc ^ 0xffffffff) >>> 0
}
