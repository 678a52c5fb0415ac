/** Any DER value: a tag, a length and the content. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), length(content.length), content])
}

/** SEQUENCE. */
export function sequence(...items: readonly Uint8Array[]): Buffer {
  return der(0x30, ...items)
}

/** SET of one element, the only sort a distinguished name needs here. */
export function set(item: Uint8Array): Buffer {
  return der(0x31, item)
}

/** A positive INTEGER from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const digits = bytes.subarray(start)
  // A leading one bit would make the number negative.
  const sign = ((digits[0] ?? 0) & 0x80) === 0 ? [] : [0]
  return der(0x02, Buffer.from(sign), digits)
}

/** BOOLEAN TRUE; DER leaves FALSE, the default, out. */
export const TRUE: Buffer = Buffer.from([0x01, 0x01, 0xff])

/** OBJECT IDENTIFIER from its dotted text. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) bytes.push(...base128(arc))
  return der(0x06, Buffer.from(bytes))
}

/** OCTET STRING. */
export function octets(content: Uint8Array): Buffer {
  return der(0x04, content)
}

/** BIT STRING, with the number of its unused last bits. */
export function bits(content: Uint8Array, unused = 0): Buffer {
  return der(0x03, Buffer.from([unused]), content)
}

/** UTF8String. */
export function utf8(text: string): Buffer {
  return der(0x0c, Buffer.from(text))
}

/** UTCTime, which X.509 wants up to the year 2049. */
export function utcTime(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}

/** `[number]` around a constructed value. */
export function explicit(number: number, content: Uint8Array): Buffer {
  return der(0xa0 | number, content)
}

/** `[number]` in place of a primitive value's own tag. */
export function implicit(number: number, content: Uint8Array): Buffer {
  return der(0x80 | number, content)
}

function length(size: number): Buffer {
  if (size < 0x80) return Buffer.from([size])
  if (size < 0x100) return Buffer.from([0x81, size])
  return Buffer.from([0x82, size >> 8, size & 0xff])
}

function base128(arc: number): number[] {
  const groups = [arc & 0x7f]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    groups.unshift((rest & 0x7f) | 0x80)
  }
  return groups
}
