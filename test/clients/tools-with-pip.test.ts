import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { sendJson } from '../azure/answers.ts'
import { writeAzureProfile } from '../azure/programs.ts'
import { makeWheel } from '../azure/wheel.ts'
import { runProgram } from '../flow/program.ts'
import { feedUser, INDEX, NOT_INSTALLED, succeeded, withUser } from './feed-user.ts'
import { clientPath } from './installed.ts'
import { pipAsks, speaksJson } from './pips.ts'

const user = feedUser()
const pipx = clientPath('frontends', 'pipx')
const audit = clientPath('frontends', 'pip-audit')
const tox = clientPath('tox')

/** Whether the pip that comes with the Python of the clients asks for JSON: some tools use that one. */
async function bundledPipSpeaksJson(): Promise<boolean> {
  const python = join(dirname(pipx ?? ''), 'python')
  const { stdout } = await user.run(python, ['-c', 'import ensurepip; print(ensurepip.version())'])
  assert.match(stdout, /^\d+\.\d+/)
  return speaksJson(stdout.trim())
}

test('pipx needs no setting but the index', { skip: pipx === undefined && NOT_INSTALLED }, async () => {
  // Else it would first look for a new pip for itself, which the feed does not have.
  const env = { PIP_INDEX_URL: withUser('me'), PIPX_DISABLE_SHARED_LIBS_AUTO_UPGRADE: '1' }
  succeeded(await user.run(pipx ?? '', ['install', 'private-package'], { env }))
  assert.deepEqual(user.asked(), [pipAsks(await bundledPipSpeaksJson(), INDEX, 'me')])
  const program = join(user.machine.home, '.local', 'bin', 'private-program')
  assert.equal((await user.run(program, [])).stdout, 'private-package 1.0\n')
})

test('pip-audit needs no setting but the index', { skip: audit === undefined && NOT_INSTALLED }, async () => {
  user.azure.answer('osv.example', (request, response) => {
    assert.match(request.body, /"private-package"/)
    sendJson(response, 200, { vulns: [] })
  })
  // It asks for a new pip, setuptools and wheel first; the last is not part of a new environment.
  const wheel = makeWheel({ project: 'wheel', module: '' })
  const links = dirname(user.file(`links/${wheel.name}`, wheel.content))
  const env = { PIP_INDEX_URL: withUser('me'), PIP_FIND_LINKS: pathToFileURL(links).href }
  const args = ['--requirement', user.file('requirements.txt', 'private-package==1.0\n'), '--index-url', withUser('me')]
  const service = ['--vulnerability-service', 'osv', '--osv-url', 'https://osv.example/v1/query']
  const ended = await user.run(audit ?? '', [...args, ...service], { env })
  succeeded(ended)
  assert.match(ended.stderr, /No known vulnerabilities found/)
  assert.equal(user.azure.requests.filter(({ host }) => host === 'osv.example').length, 1)
  // Once for its own tools, with pip's default provider, and once with --no-input and the executable.
  const argv = pipAsks(await bundledPipSpeaksJson(), INDEX, 'me')
  assert.deepEqual(user.asked(), [argv, argv])
})

// What the environment that tox starts programs in has of ours, and of what `keyring` could use.
const SEEN = `import os
names = ('ARTIFACTS_KEYRING_NOFUSS_PROVIDER', 'AZURE_CLIENT_ID', 'SYSTEM_ACCESSTOKEN', 'XDG_CONFIG_HOME', 'HOME', 'PATH')
print('seen', *[name for name in names if name in os.environ])
`

test('keyring works in the few variables that tox lets through', { skip: tox === undefined && NOT_INSTALLED }, async () => {
  const seen = user.file('seen.py', SEEN)
  user.file('tox.ini', `[tox]\nno_package = true\n[testenv]\ndeps = private-package\ncommands =\n    private-program\n    python "${seen}"\n`)
  writeAzureProfile(user.machine.home)
  user.file('.config/python_keyring/keyringrc.cfg', '[artifacts_keyring_nofuss]\nprovider = azure_cli\n')
  // With the first of these `keyring` ends with an error; the others are what it would use.
  const kept = { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'no-such-provider', AZURE_CLIENT_ID: 'x', SYSTEM_ACCESSTOKEN: 'x', XDG_CONFIG_HOME: '/nonexistent' }
  const env = { ...kept, PIP_INDEX_URL: INDEX, PIP_KEYRING_PROVIDER: 'subprocess' }
  const ended = await user.run(tox ?? '', ['run', '-e', 'py'], { env })
  succeeded(ended)
  assert.match(ended.stdout, /^private-package 1\.0$/m)
  assert.match(ended.stdout, /^seen HOME PATH$/m)
  // The pip that virtualenv brings is one of the newest.
  assert.deepEqual(user.asked(), [pipAsks(true, INDEX)])
  assert.deepEqual(user.scopes(), ['vso.packaging'])
})

test('keyring works with PATH and HOME alone', async () => {
  user.file('.config/python_keyring/keyringrc.cfg', '[artifacts_keyring_nofuss]\nprovider = azure_cli\n')
  const { HTTPS_PROXY = '', SSL_CERT_FILE = '' } = user.azure.environment()
  // The two variables of the stand-in stand for a network that needs none.
  const env = { PATH: user.machine.programs, HOME: user.machine.home, HTTPS_PROXY, SSL_CERT_FILE }
  const ended = await runProgram(join(user.machine.programs, 'keyring'), ['get', INDEX, 'me'], env)
  succeeded(ended)
  assert.equal(user.azure.tokens.find(ended.stdout.trim())?.kind, 'session')
  assert.equal(ended.stderr, '')
})
