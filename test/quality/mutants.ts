/** One change of the built program, and where it is in the source. */
export interface Change {
  readonly start: number
  readonly end: number
  readonly text: string
  /** In words, as the list of survivors has it. */
  readonly name: string
}

interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'mark'
  readonly text: string
  readonly start: number
}

const FLIPS: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
  true: 'false',
  false: 'true',
}

const PART = /(?<space>\s+|\/\/.*|\/\*[\s\S]*?\*\/)|(?<word>[A-Za-z_$#][\w$]*)|(?<number>\d[\w.]*)|(?<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?<mark>=>|===|!==|<=|>=|&&|\|\||\?\?=|\?\?|\?\.|\*\*|[+-]{2}|.)/suy
const REGEX = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y
const BEFORE_REGEX = /^(|[(,=:[!&|?{};+*<>~]|&&|\|\||\?\?|===|!==|=>|return|typeof|case|in|of|throw|await)$/
const CLOSING = /^([)\]},;:?]|\?\?)$/

/** Every change that is tried on a file of the built program: its types are gone, its comments are skipped. */
export function changesOf(code: string, isAllowlist: boolean): readonly Change[] {
  const tokens = tokensOf(code)
  return tokens.flatMap((token, index) => [
    ...flipped(token),
    ...counted(token, tokens, index),
    ...negated(token, tokens, index, code),
    ...withoutFallback(token, tokens, index),
    ...(isAllowlist ? shortened(token, tokens, index) : []),
  ])
}

function flipped({ text, kind, start }: Token): readonly Change[] {
  const flip = kind !== 'string' && Object.hasOwn(FLIPS, text) ? FLIPS[text] : undefined
  return flip === undefined ? [] : [{ start, end: start + text.length, text: flip, name: `${text} → ${flip}` }]
}

function counted({ text, kind, start }: Token, tokens: readonly Token[], index: number): readonly Change[] {
  // `(0, f)(…)` is how the compiler calls an import, `void 0` how it begins an export.
  const compilers = tokens[index + 1]?.text === ',' && tokens[index - 1]?.text === '(' && text === '0'
  if (kind !== 'number' || compilers || tokens[index - 1]?.text === 'void') return []
  const more = String(Number(text.replaceAll('_', '')) + 1)
  return more === 'NaN' ? [] : [{ start, end: start + text.length, text: more, name: `${text} → ${more}` }]
}

function negated({ text }: Token, tokens: readonly Token[], index: number, code: string): readonly Change[] {
  const start = tokens[index + 1]?.start
  const close = tokens[closing(tokens, index + 2)]?.start
  if (text !== 'if' || start === undefined || close === undefined) return []
  return [{ start, end: close + 1, text: `(!${code.slice(start, close + 1)})`, name: 'if (…) → if (!(…))' }]
}

function withoutFallback({ text, start }: Token, tokens: readonly Token[], index: number): readonly Change[] {
  if (text !== '??') return []
  let at = index + 1
  while (at < tokens.length && !CLOSING.test(tokens[at]?.text ?? '')) {
    at = /^[([{]$/.test(tokens[at]?.text ?? '') ? closing(tokens, at + 1) + 1 : at + 1
  }
  const end = tokens[at]?.start
  return end === undefined ? [] : [{ start, end, text: '', name: '?? … → nothing' }]
}

/** An entry of a table of hosts. */
function shortened({ text, kind, start }: Token, tokens: readonly Token[], index: number): readonly Change[] {
  const inTable = /^[[,]$/.test(tokens[index - 1]?.text ?? '') && /^[,\]]$/.test(tokens[index + 1]?.text ?? '')
  if (kind !== 'string' || !inTable || !text.includes('.')) return []
  return [{ start: start + text.length - 2, end: start + text.length - 1, text: '', name: `${text} without its last character` }]
}

/** The index of the bracket that closes the one before `from`. */
function closing(tokens: readonly Token[], from: number): number {
  let depth = 1
  for (let at = from; at < tokens.length; at += 1) {
    if (/^[([{]$/.test(tokens[at]?.text ?? '')) depth += 1
    if (/^[)\]}]$/.test(tokens[at]?.text ?? '')) depth -= 1
    if (depth === 0) return at
  }
  return tokens.length
}

function tokensOf(code: string): readonly Token[] {
  const tokens: Token[] = []
  scan(code, 0, tokens, false)
  return tokens
}

/** Reads tokens to the end or, in a template's `${…}`, to the brace that ends that. */
function scan(code: string, from: number, tokens: Token[], inTemplate: boolean): number {
  let depth = 0
  let at = from
  while (at < code.length) {
    const before = tokens.at(-1)?.text ?? ''
    if (code[at] === '`') {
      at = scanTemplate(code, at + 1, tokens)
      continue
    }
    if (code[at] === '/' && BEFORE_REGEX.test(before)) {
      const regex = matchAt(REGEX, code, at)
      if (regex !== undefined) {
        tokens.push({ kind: 'string', text: regex[0], start: at })
        at += regex[0].length
        continue
      }
    }
    const match = matchAt(PART, code, at)
    if (match === undefined) throw new Error(`no token at ${at}`)
    const kind = (['word', 'number', 'string', 'mark'] as const).find((name) => match.groups?.[name] !== undefined)
    if (kind === 'mark' && match[0] === '{') depth += 1
    if (kind === 'mark' && match[0] === '}') depth -= 1
    if (inTemplate && depth < 0) return at
    if (kind !== undefined) tokens.push({ kind, text: match[0], start: at })
    at += match[0].length
  }
  return at
}

function scanTemplate(code: string, from: number, tokens: Token[]): number {
  tokens.push({ kind: 'mark', text: '(', start: from - 1 })
  let at = from
  while (code[at] !== '`') {
    if (at >= code.length) throw new Error('a template without end')
    if (code.startsWith('${', at)) {
      // As an argument is, so that what stands in it ends there.
      at = scan(code, at + 2, tokens, true) + 1
      tokens.push({ kind: 'mark', text: ',', start: at - 1 })
    } else {
      at += code[at] === '\\' ? 2 : 1
    }
  }
  tokens.push({ kind: 'mark', text: ')', start: at })
  return at + 1
}

function matchAt(pattern: RegExp, code: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(code) ?? undefined
}
