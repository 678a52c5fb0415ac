import type { Credential } from '../get-credential.ts'

/** What the caller asked to be printed. */
export interface AnswerForm {
  readonly mode: string
  /** `plain`, `json`, or `base64` for the JSON of a wrapped call. */
  readonly output: string
  /** Undefined or empty when the caller named none. */
  readonly username: string | undefined
}

/**
 * The text for stdout, as Python keyring 25.7 prints it. The requested username is repeated: pip asks
 * again for every request when it gets another one.
 */
export function answer(credential: Credential, form: AnswerForm): string {
  const username = form.username || credential.username
  const password = credential.password.reveal()
  const fields = form.mode === 'creds' ? { username, password } : { password }
  if (form.output === 'plain') return `${Object.values(fields).join('\n')}\n`
  const members = Object.entries(fields).map(([name, value]) => `"${name}": ${asciiJson(value)}`)
  const json = `{${members.join(', ')}}`
  return `${form.output === 'base64' ? Buffer.from(json).toString('base64') : json}\n`
}

/** A JSON string in ASCII, as Python's `json.dumps` writes it. */
function asciiJson(text: string): string {
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(text).replace(/[\u0080-\uffff]/g, escape)
}
