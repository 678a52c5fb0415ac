import { KeyringError } from './errors.ts'

/** Longest token that is accepted, in characters. Real ones have at most a few thousand. */
const TOKEN_LIMIT = 65_536

/**
 * A string that does not print: not in a template, not in JSON, not in `console.log`, not in an
 * error. `reveal` is the only way out; a test knows every call of it.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself. */
  reveal(): string {
    return this.#text
  }

  /** A secret that starts with `prefix`, such as the scheme of an Authorization header. */
  prefixed(prefix: string): Secret {
    return new Secret(prefix + this.#text)
  }

  /** The value of an Authorization header with this as password (RFC 7617 §2). */
  basic(username: string): Secret {
    return new Secret(`Basic ${Buffer.from(`${username}:${this.#text}`, 'utf8').toString('base64')}`)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}

/**
 * Makes a token of untrusted text: surrounding white space goes, and what is left must be visible
 * ASCII, so that it can neither break a header nor a line of the answer.
 *
 * @param text what was read
 * @param source where it was read, for the error: a variable, a path or a program
 * @returns the token, or `undefined` when there is nothing but white space
 * @throws KeyringError BAD_TOKEN when a character is not allowed or the text is too long
 */
export function readToken(text: string, source: string): Secret | undefined {
  const token = text.trim()
  if (token === '') return undefined
  if (token.length > TOKEN_LIMIT) {
    throw new KeyringError('BAD_TOKEN', `the token in ${source} is longer than 64 KiB`)
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    const what = 'white space, a control character or a character that is not ASCII'
    throw new KeyringError('BAD_TOKEN', `the token in ${source} contains ${what}`)
  }
  return new Secret(token)
}
