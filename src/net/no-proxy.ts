/**
 * Whether a list in the meaning of curl's NO_PROXY names a host: `*` for all, a domain with or
 * without a leading dot for itself and all below it, an address, or a block of addresses in CIDR
 * notation (RFC 4632, RFC 4291 §2.3). Beyond curl, a port may follow, as Go and Requests take it.
 * No name is looked up to be compared with addresses.
 *
 * @param host in lower case, an IPv6 address without brackets
 */
export function isExempt(list: string, host: string, port: number): boolean {
  const address = bitsOf(host)
  return list.toLowerCase().split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true
    const { name, only } = parseEntry(entry)
    if (name === '' || (only !== undefined && Number(only) !== port)) return false
    if (address !== undefined) return isInBlock(address, name)
    return name === host || host.endsWith(`.${name}`)
  })
}

function parseEntry(entry: string): { readonly name: string; readonly only: string | undefined } {
  const bracketed = /^\[(.*)\](\/\d+)?(?::(\d+))?$/.exec(entry)
  if (bracketed !== null) {
    const [, address = '', length = '', only] = bracketed
    return { name: `${address}${length}`, only }
  }
  // With a second colon it is an IPv6 address, to which no port can be added without brackets.
  const [, name = entry, only] = /^\.?([^:]*?)\.?(?::(\d+))?$/.exec(entry) ?? []
  return { name, only }
}

function isInBlock(address: string, entry: string): boolean {
  const [, network = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
  const bits = bitsOf(network)
  if (bits?.length !== address.length) return false
  const prefix = Number(length ?? bits.length)
  return prefix <= bits.length && address.startsWith(bits.slice(0, prefix))
}

/** An address as 32 or 128 digits, each 0 or 1; undefined for anything else. */
function bitsOf(text: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const bytes = text.split('.').map(Number)
    return bytes.every((byte) => byte < 256) ? joined(bytes, 8) : undefined
  }
  if (!text.includes(':') || !URL.canParse(`http://[${text}]`)) return undefined
  // A URL's host has one spelling only: groups in hexadecimal, at most one `::`.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const [first, last] = [groupsOf(head), groupsOf(tail ?? '')]
  const between = Array.from({ length: 8 - first.length - last.length }, () => 0)
  return joined([...first, ...between, ...last], 16)
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function joined(numbers: readonly number[], width: number): string {
  return numbers.map((number) => number.toString(2).padStart(width, '0')).join('')
}
