import type { ClientName } from '../clients/installed.ts'

/** What each environment of the client tests is made of; versions stand in its requirements file. */
export const requirements: Readonly<Record<ClientName, readonly string[]>> = {
  'pip-23.1': ['pip==23.1'],
  // The last for Python 3.7 and for 3.8.
  'pip-24.0': ['pip==24.0'],
  'pip-25.0.1': ['pip==25.0.1'],
  'pip-26.1.2': ['pip==26.1.2'],
  'pip-latest': ['pip<27'],
  uv: ['uv'],
  // Its own pins: PDM does not start with every newer version of what it needs.
  pdm: ['pdm[locked]'],
  // `build` and pip-audit start the pip beside them.
  frontends: ['pipx', 'build', 'pip-audit', 'pip<27'],
  tox: ['tox'],
  keyring: ['keyring==25.7.0'],
  'python-nofuss': ['keyring==25.7.0', 'artifacts-keyring-nofuss'],
  importers: ['twine', 'poetry', 'keyring==25.7.0', 'keyring-subprocess'],
}
