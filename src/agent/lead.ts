import type { Credential } from '../get-credential.ts'
import { readClaims } from '../identity/claims.ts'
import { expiryMs } from '../identity/token-kind.ts'
import type { LineConnection } from '../system/system.ts'
import { writeAnswer } from './messages.ts'

/** Looks the answer up for the agent and all who wait there; a failure is theirs to find, too. */
export async function lead(
  connection: LineConnection,
  lookUp: () => Promise<Credential | undefined>,
): Promise<Credential | undefined> {
  let result = '{}'
  try {
    const credential = await lookUp()
    const claims = credential && readClaims(credential.password)
    if (credential !== undefined) result = writeAnswer({ credential, expires: claims && expiryMs(claims) })
    return credential
  } finally {
    connection.write(result)
    connection.close()
  }
}
