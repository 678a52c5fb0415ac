import { KeyringError } from '../system/messages.ts'
import type { System } from '../system/system.ts'
import { mintToken, parseMintOptions } from './minted-token.ts'

/**
 * `keyring mint-token`: prints a token of the job's own identity, or writes it to a file that only its
 * owner can read.
 */
export async function mintTokenCommand(argv: readonly string[], system: System): Promise<number> {
  const options = parseMintOptions(argv, true)
  const text = `${(await mintToken(options, system)).reveal()}\n`
  const path = options.outputFile
  if (path === undefined) return system.writeOut(text) ? 0 : 1
  const done = await system.replaceFile(path, text)
  if (done === 'written') return 0
  const why = done === 'link' ? 'it is a symbolic link' : 'it cannot be written'
  throw new KeyringError('OUTPUT', `no token in ${path}: ${why}`)
}
