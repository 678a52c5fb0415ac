import { NULL_BACKEND } from '../system/keyringrc.ts'
import { setting } from '../system/settings.ts'
import type { System } from '../system/system.ts'
import type { Arguments } from './parse-arguments.ts'

/** This program, as a Python keyring backend would be named, and its rank there. */
export const OWN_BACKEND = 'artifacts_keyring_nofuss.Keyring (priority: 9.9)'

/** What `-b` takes. */
export const BACKENDS: readonly string[] = ['artifacts_keyring_nofuss.Keyring', NULL_BACKEND]

const OWN_NAMES = [
  'artifacts_keyring_nofuss.Keyring',
  'artifacts_keyring_nofuss._backend.ArtifactsKeyringBackend',
  'keyring.backends.chainer.ChainerBackend',
]

/** Which backend a call is for: `own`, `null` (finds and keeps nothing), or one we do not have. */
export function chosenBackend(call: Arguments, system: System): 'own' | 'null' | 'unknown' {
  const option = call.options.get('--keyring-backend')
  // A variable that names somebody else's Python backend is not about this program.
  const name = option ?? setting(system, 'PYTHON_KEYRING_BACKEND')
  if (name === NULL_BACKEND) return 'null'
  return option === undefined || OWN_NAMES.includes(option) ? 'own' : 'unknown'
}
