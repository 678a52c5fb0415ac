/** A place in the source that a piece of generated code stands for; both count from 0. */
export interface SourcePlace {
  readonly line: number
  readonly column: number
}

/** A piece of generated code: from its offset to that of the next piece. */
export interface Piece extends SourcePlace {
  readonly offset: number
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Reads the `mappings` of a source map with one source (ECMA-426), in the order of the generated code. */
export function readPieces(map: string, generated: string): readonly Piece[] {
  const { mappings } = JSON.parse(map) as { readonly mappings: string }
  const pieces: Piece[] = []
  let start = 0
  let line = 0
  let column = 0
  for (const group of mappings.split(';')) {
    let at = 0
    for (const segment of group.split(',').filter((text) => text !== '')) {
      const [generatedColumn = 0, , lines, columns] = numbers(segment)
      at += generatedColumn
      // A segment of one number is generated code that stands for nothing.
      if (lines === undefined || columns === undefined) continue
      line += lines
      column += columns
      pieces.push({ offset: start + at, line, column })
    }
    const end = generated.indexOf('\n', start)
    start = end < 0 ? generated.length : end + 1
  }
  return pieces
}

/** The piece that holds an offset; undefined where the compiler wrote a whole line of its own. */
export function pieceAt(pieces: readonly Piece[], generated: string, offset: number): Piece | undefined {
  const piece = pieces.findLast((candidate) => candidate.offset <= offset)
  return piece !== undefined && !generated.slice(piece.offset, offset).includes('\n') ? piece : undefined
}

/** Base64 VLQ: five bits a digit, the sixth says that more follow, the lowest bit is the sign. */
function numbers(segment: string): readonly number[] {
  const found: number[] = []
  let value = 0
  let shift = 0
  for (const character of segment) {
    const digit = DIGITS.indexOf(character)
    value += (digit & 31) << shift
    shift += 5
    if ((digit & 32) !== 0) continue
    found.push((value & 1) === 1 ? -(value >> 1) : value >> 1)
    value = 0
    shift = 0
  }
  return found
}
