import type { Arguments } from './parse-arguments.ts'

/** How each method of the backend wants its answer. */
const FORMS: Readonly<Record<string, readonly (readonly [option: string, value: string])[]>> = {
  get_password: [['--mode', 'password'], ['--output', 'plain']],
  get_credential: [['--mode', 'creds'], ['--output', 'base64']],
}

/**
 * Reads a call of the Python backend keyring-subprocess, through which programs that import Python's
 * keyring can reach an executable (keyring-subprocess 0.11.1, `backend/subprocess.py`). Its service is
 * `keyring-subprocess`, and its user name is Base64 of a JSON object that holds the real call.
 *
 * @returns the real call; the call as it is where it is not of that form
 */
export function unwrap(call: Arguments): Arguments {
  const { method, service, username } = parse(call.username ?? '')
  const form = typeof method === 'string' && Object.hasOwn(FORMS, method) ? FORMS[method] : undefined
  if (form === undefined || typeof service !== 'string') return call
  const options = new Map([...call.options, ...form])
  return { ...call, service, username: typeof username === 'string' ? username : undefined, options }
}

function parse(base64: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'))
    return typeof value === 'object' ? { ...value } : {}
  } catch {
    return {}
  }
}
