// Resolves the clients that the tests run and writes their requirements files with the hashes of
// every wheel and source archive (`npm run lock:clients`).
import { mkdtemp, rename, writeFile } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientName } from '../clients/installed.ts'
import { clientNames, clientPath, requirementsPath } from '../clients/installed.ts'
import { requirements } from './client-requirements.ts'
import { SupplyError, run, script } from './run.ts'

const timeoutMs = 180_000

// A file holds for this Python and every later one: what differs between them carries a marker.
const oldestPython = '3.10'

/** Where Python's keyring beside a client would be asked in the place of the executable under test. */
const withoutKeyring: readonly ClientName[] = ['pdm', 'frontends', 'tox']

const header = [
  'Written by `npm run lock:clients` from the table in test/supply/client-requirements.ts and',
  'installed by `npm run clients`. Do not edit it by hand.',
]

// Only uv resolves for all Python versions and platforms in one go; pip sees its own alone.
async function findUv(directory: string): Promise<string> {
  const installed = clientPath('uv')
  if (installed !== undefined) return installed
  const environment = join(directory, 'uv')
  const python = join(environment, 'bin', 'python')
  await run('python3', ['-m', 'venv', environment], { timeoutMs })
  await run(python, ['-m', 'pip', 'install', '--only-binary', ':all:', 'uv'], { timeoutMs })
  return join(environment, 'bin', 'uv')
}

async function resolve(uv: string, input: string): Promise<string> {
  const args = ['pip', 'compile', '--quiet', '--universal', '--python-version', oldestPython]
  const form = ['--generate-hashes', '--no-header', '--no-annotate', '--no-build', '--no-cache']
  return run(uv, [...args, ...form, '--no-emit-index-url', '--no-emit-find-links', input], {
    timeoutMs,
    // Resolving needs no interpreter of that version, so none is fetched.
    env: { UV_PYTHON_DOWNLOADS: 'never' },
  })
}

await script('lock:clients', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lock-clients-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const uv = await findUv(directory)
  for (const name of clientNames) {
    const input = join(directory, `${name}.in`)
    await writeFile(input, `${requirements[name].join('\n')}\n`)
    const resolved = await resolve(uv, input)
    if (withoutKeyring.includes(name) && /^keyring==/m.test(resolved)) {
      throw new SupplyError(`${name}: its dependencies contain keyring`)
    }
    const text = [...header.map((line) => `# ${line}`), resolved].join('\n')
    // Renamed into place: whoever reads the file meanwhile sees the old one or the new one.
    const written = `${requirementsPath(name)}.new`
    await writeFile(written, text)
    await rename(written, requirementsPath(name))
    const pins = resolved.match(/^\S+==\S+/gm) ?? []
    process.stdout.write(`${name}: ${pins.length} requirements\n`)
  }
})
