import { KeyringError } from '../system/messages.ts'
import { findProgram } from '../system/find-program.ts'
import type { System } from '../system/system.ts'
import { mintToken, parseMintOptions } from './minted-token.ts'

/**
 * `keyring exec -- COMMAND…`: runs a command that has a token in ARTIFACTS_KEYRING_NOFUSS_TOKEN. It gets
 * our standard streams and signals, and its exit status becomes ours.
 */
export async function execCommand(argv: readonly string[], system: System): Promise<() => Promise<number>> {
  const end = argv.indexOf('--')
  const [program, ...args] = end < 0 ? [] : argv.slice(end + 1)
  const options = parseMintOptions(end < 0 ? argv : argv.slice(0, end), false)
  if (program === undefined || program === '') {
    throw new KeyringError('USAGE', 'exec requires a command after --')
  }
  const token = await mintToken(options, system)
  // The command takes as long as it takes: the time of the call ends here.
  return async () => {
    const env = { ARTIFACTS_KEYRING_NOFUSS_TOKEN: token.reveal() }
    const path = programPath(program, system)
    const status = path === undefined ? undefined : await system.execute(path, args, env)
    if (status !== undefined) return status
    throw new KeyringError('OUTPUT', `the command ${program} could not be started`)
  }
}

/** Windows would look for a program in the working directory first, and it is to get a token. */
function programPath(program: string, system: System): string | undefined {
  const name = system.platform === 'win32' && !/[\\/:]/.test(program)
  return name ? findProgram(system, program) : program
}
