// README's blocks, as they stand there, run with the real clients: one world for each row of its table.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { makeClientCertificate } from '../azure/client-certificates.ts'
import {
  CERTIFICATE_CLIENT_ID, CLIENT_SECRET, CONTOSO_TENANT, GITHUB_CLIENT_ID, GITHUB_REQUEST_TOKEN, GITHUB_TOKEN_URL,
  PIPELINES_CLIENT_ID, PIPELINES_OIDC_URL, SECRET_CLIENT_ID, SERVICE_CONNECTION_ID, WORKLOAD_CLIENT_ID,
} from '../azure/identities.ts'
import { writeFakeAdoAuthHelper, writeFakeAz } from '../azure/programs.ts'
import { quote, writeScript } from '../azure/shell-script.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { WHEEL } from '../azure/wheel.ts'
import { INDEX, NOT_INSTALLED, uploadedWith } from './feed-user.ts'
import { POETRY_IN_PROJECT, poetryProject, projectHasPackage } from './project.ts'
import { commandsEverywhere, fileOf, pickerRows, README, sections, yamlSteps } from './readme.ts'
import type { Block, Section } from './readme.ts'
import { dockerBuild, UNSHARE, writeFakeDocker } from './readme-docker.ts'
import type { SecretMount } from './readme-docker.ts'
import { CLIENTS, fill, installedBy, newPlace, packProgram, runScript, tokensFound, writeProject } from './readme-place.ts'
import type { Place } from './readme-place.ts'

const skip = Object.values(CLIENTS).includes(undefined) && NOT_INSTALLED
const SECTIONS = sections(README)
const used = new Set<Block>()

let azure: StandIn
let place: Place
let tarball: string

before(async () => {
  azure = await startStandIn()
  if (skip === false) tarball = packProgram(azure.directory)
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  if (skip !== false) return
  place = newPlace(azure, tarball)
  if ('after' in context) context.after(() => place.remove())
})

type Variables = Readonly<Record<string, string>>

function section(anchor: string): Section {
  const found = SECTIONS.find((candidate) => candidate.anchor === anchor)
  assert.ok(found !== undefined, `README has no section ${anchor}`)
  return found
}

/** A section's blocks in a language, which count as run. */
function texts(anchor: string, language: string): readonly string[] {
  const found = section(anchor).blocks.filter((block) => block.language === language)
  assert.notEqual(found.length, 0, `${anchor} has no block of ${language}`)
  for (const block of found) used.add(block)
  return found.map(({ text }) => text)
}

/** Writes the files of a section to the places that README names. */
function writeFiles(anchor: string): void {
  for (const block of section(anchor).blocks.filter(({ language }) => language === 'ini' || language === 'toml')) {
    const path = join(place.home, fileOf(block) ?? assert.fail(`README names no file for ${block.text}`))
    used.add(block)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, fill(block.text, place))
  }
}

/** Runs lines in a project; after them, where they do not install anything themselves, what installs. */
async function setUp(lines: string, env: Variables = {}, values: Variables = {}): Promise<void> {
  const script = /^(\w+=\S+ )?(pip|uv|keyring) /m.test(lines) ? lines : lines + commandsEverywhere(README)
  if (!existsSync(join(place.project, 'pyproject.toml'))) writeProject(place.project, [])
  await runScript(fill(script, place, values), { ...place.env, ...env }, place.project)
}

/** pip and uv installed the package, each with a credential that came from this provider. */
function installed(source: RegExp, project?: string): void {
  assert.deepEqual(installedBy(place, project), ['pip', 'uv'])
  const found = tokensFound(place)
  assert.ok(found.length >= 2, 'pip and uv have both asked keyring')
  for (const token of found) assert.match((token ?? 'nothing').replace(/, at \d+ ms$/, ''), source)
  // pip's first request has the user name and no password.
  const first = `Basic ${Buffer.from('me:').toString('base64')}`
  const others = azure.requests.filter(({ headers }) => headers['authorization'] !== first)
  assert.deepEqual(others.flatMap((request) => request.errors), [])
}

const AZURE = 'aks-virtual-machines-and-other-azure-services'
const lines = (anchor: string): string => texts(anchor, 'sh').join('')

/** An az that gives a token to those who have run `az login`. */
function writeAz(): void {
  const az = writeFakeAz(place.programs, { log: join(place.home, 'az.log'), token: azure.tokens.mintUserToken() })
  const real = join(place.home, 'az')
  renameSync(az, real)
  const signedIn = quote(join(place.home, 'signed in'))
  writeScript(az, [
    `if [ "$*" = login ]; then : > ${signedIn}; exit 0; fi`,
    `[ -e ${signedIn} ] || { echo "ERROR: Please run 'az login' to setup account." >&2; exit 1; }`,
    `exec ${quote(real)} "$@"`,
  ])
}

function workload(): Variables {
  const file = join(place.home, 'projected token')
  writeFileSync(file, azure.tokens.mintFederatedAssertion())
  return { AZURE_CLIENT_ID: WORKLOAD_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_FEDERATED_TOKEN_FILE: file }
}

async function runSteps(anchor: string, env: Variables, values: Variables): Promise<void> {
  writeProject(place.project, ['private-package'])
  for (const text of texts(anchor, 'yaml')) {
    for (const step of yamlSteps(fill(text, place, values))) {
      await runScript(step.script, { ...place.env, ...env, ...step.env }, place.project)
    }
  }
}

async function onLaptop(): Promise<void> {
  writeAz()
  writeFiles('a-laptop')
  await setUp(lines('a-laptop'))
  installed(/^azure_cli: /)
}

async function onLaptopWithProject(): Promise<void> {
  writeAz()
  writeFiles('a-laptop')
  const uv = section('a-laptop').blocks.find(({ language }) => language === 'toml')
  assert.match(uv?.before ?? '', /`pyproject\.toml` under `\[tool\.uv\]` and\s`\[\[tool\.uv\.index\]\]`/)
  renameSync(join(place.home, '.config/uv/uv.toml'), join(place.home, 'elsewhere.toml'))
  const table = `\n[tool.uv]\n${fill(uv?.text ?? '', place).replace('[[index]]', '[[tool.uv.index]]')}`
  writeProject(place.project, [], table)
  await setUp(lines('a-laptop'))
  installed(/^azure_cli: /)
}

async function inGitHubActions(): Promise<void> {
  const env = {
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: GITHUB_TOKEN_URL,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: GITHUB_REQUEST_TOKEN,
  }
  // GitHub gives these to a job with this permission.
  const given = texts('github-actions', 'yaml').some((text) => /^permissions:.*\bid-token: write\b/m.test(text))
  await runSteps('github-actions', given ? env : {}, { '<client ID>': GITHUB_CLIENT_ID, '<tenant>': CONTOSO_TENANT })
  installed(/^workload_identity: /)
}

const AGENT = { TF_BUILD: 'True', SYSTEM_OIDCREQUESTURI: PIPELINES_OIDC_URL }

const jobToken = (): Variables => ({ '$(System.AccessToken)': azure.tokens.mintSystemAccessToken('contoso') })

async function inPipelines(): Promise<void> {
  await runSteps('azure-pipelines', AGENT, jobToken())
  installed(/^system_access_token: /)
}

async function inPipelinesWithConnection(): Promise<void> {
  assert.match(section('azure-pipelines').text, /As `inlineScript` of the task `AzureCLI@2`, with\sthe same `env`/)
  const task = {
    AZURESUBSCRIPTION_SERVICE_CONNECTION_ID: SERVICE_CONNECTION_ID,
    AZURESUBSCRIPTION_CLIENT_ID: PIPELINES_CLIENT_ID,
    AZURESUBSCRIPTION_TENANT_ID: CONTOSO_TENANT,
  }
  await runSteps('azure-pipelines', { ...AGENT, ...task }, jobToken())
  installed(/^service_connection: /)
}

async function inDocker(mount: SecretMount): Promise<void> {
  writeFakeDocker(place)
  writeScript(join(place.programs, 'az'), [
    '[ "$*" = "account get-access-token --resource 499b84ac-1321-427f-aa17-267ca6975798 --query accessToken -o tsv" ] || exit 2',
    `echo ${quote(azure.tokens.mintUserToken())}`,
  ])
  await runScript(fill(lines('a-docker-build'), place), place.env, place.project)
  writeProject(place.project, ['private-package'])
  const [dockerfile = ''] = texts('a-docker-build', 'dockerfile')
  const folder = await dockerBuild(fill(dockerfile, place), place.project, place, mount)
  installed(/^env_var: found a token in \/run\/secrets\/ARTIFACTS_KEYRING_NOFUSS_TOKEN$/, folder)
}

async function inCodespace(): Promise<void> {
  const helper = join(place.home, 'ado-auth-helper')
  writeFakeAdoAuthHelper(helper, { log: join(place.home, 'helper.log'), token: azure.tokens.mintUserToken() })
  const [text = ''] = texts('codespaces-and-dev-containers', 'json')
  const { features, postCreateCommand, remoteEnv } = JSON.parse(fill(text, place)) as {
    readonly features: object
    readonly postCreateCommand: string
    readonly remoteEnv: Variables
  }
  assert.ok(Object.keys(features).some((name) => name.includes('/artifacts-helper:')))
  await setUp(`${postCreateCommand}\n`, remoteEnv)
  installed(/^ado_auth_helper: /)
}

async function onAks(): Promise<void> {
  await setUp(lines(AZURE), workload())
  installed(/^workload_identity: /)
}

async function onVirtualMachine(): Promise<void> {
  await setUp(lines(AZURE), azure.environment())
  installed(/^managed_identity: /)
}

/** The lines of a machine in Azure and those of "Elsewhere" that fit. */
function elsewhere(choice: RegExp, source: RegExp, values: () => Variables): () => Promise<void> {
  return async () => {
    const chosen = lines('elsewhere').split('\n').filter((line) => choice.test(line)).join('\n')
    await setUp(`${lines(AZURE)}${chosen}\n`, {}, values())
    installed(source)
  }
}

function tokenFile(): string {
  const path = join(place.plain, 'token')
  writeFileSync(path, azure.tokens.mintUserToken())
  return path
}

function certificateFile(): string {
  const { key, certificate } = makeClientCertificate()
  azure.registerCertificate(certificate)
  const path = join(place.plain, 'certificate.pem')
  writeFileSync(path, key + certificate)
  chmodSync(path, 0o600)
  return path
}

const CLIENT = { '<tenant>': CONTOSO_TENANT, '<secret>': quote(CLIENT_SECRET) }

const ELSEWHERE: Readonly<Record<string, () => Promise<void>>> = {
  'a token': elsewhere(/NOFUSS_TOKEN=/, /^env_var: found a token in ARTIFACTS_KEYRING_NOFUSS_TOKEN$/, () => {
    return { '<token>': azure.tokens.mintPat('contoso') }
  }),
  'a token file': elsewhere(/_TOKEN_FILE=/, /^env_var: .*_TOKEN_FILE\)$/, () => {
    return { '/path/to/token': tokenFile() }
  }),
  'a secret': elsewhere(/CLIENT_(ID|SECRET)=/, /^client_secret: /, () => {
    return { ...CLIENT, '<client ID>': SECRET_CLIENT_ID }
  }),
  'a certificate': elsewhere(/CLIENT_(ID|CERTIFICATE_PATH)=/, /^client_certificate: /, () => {
    return { ...CLIENT, '<client ID>': CERTIFICATE_CLIENT_ID, '/path/to/key-and-certificate.pem': certificateFile() }
  }),
  "artifacts-keyring's variables": elsewhere(/VSS_/, /^feed_endpoints: /, () => {
    return { '<token>': azure.tokens.mintPat('contoso') }
  }),
}

const NAMESPACES = spawnSync(UNSHARE, ['-rm', '/bin/sh', '-c', 'PATH=/usr/bin:/bin; mount -t tmpfs none /run']).status === 0

/** The ways to do what a row says. Every row of README's table has its own. */
const WORLDS: Readonly<Record<string, Readonly<Record<string, () => Promise<void>>>>> = {
  'on a laptop': { 'as it stands': onLaptop, 'with pyproject.toml': onLaptopWithProject },
  'in GitHub Actions': { 'as it stands': inGitHubActions },
  'in Azure Pipelines': { 'as it stands': inPipelines, 'with a service connection': inPipelinesWithConnection },
  'in a Docker build': {
    'its secret mapped in Node': () => inDocker('in Node'),
    ...(NAMESPACES && { 'its secret mounted': () => inDocker('mount namespace') }),
  },
  'in Codespaces or a dev container': { 'as it stands': inCodespace },
  'on AKS': { 'as it stands': onAks },
  'on a virtual machine, App Service, …': { 'as it stands': onVirtualMachine },
  elsewhere: ELSEWHERE,
}

test("README's table has a world here for every row, a section for every link", () => {
  const rows = pickerRows(README)
  assert.deepEqual(rows.map(({ label }) => label), Object.keys(WORLDS))
  for (const { anchor } of rows) assert.notEqual(section(anchor).blocks.length, 0, anchor)
  assert.equal(commandsEverywhere(README), 'pip install my-private-package\nuv add my-private-package\n')
})

for (const [label, worlds] of Object.entries(WORLDS)) {
  for (const [name, run] of Object.entries(worlds)) {
    test(`README: ${label}, ${name}: pip and uv install`, { skip }, run)
  }
}

test('README: every line of "Elsewhere" belongs to a way', () => {
  const exports = section('elsewhere').blocks.flatMap(({ text }) => text.split('\n')).filter((line) => line.startsWith('export '))
  for (const line of exports) assert.match(line, /NOFUSS_TOKEN=|_TOKEN_FILE=|CLIENT_(ID|SECRET|CERTIFICATE_PATH)=|VSS_/)
})

test('README: a token for something else', { skip }, async () => {
  await setUp(lines(AZURE) + lines('a-token-for-something-else'), workload())
  assert.match(readFileSync(join(place.project, 'token'), 'utf8'), /^\S+\n$/)
  assert.deepEqual(installedBy(place), ['pip'])
})

/** A package that was built, and a project of Poetry. */
function writeImportersProject(): void {
  mkdirSync(join(place.project, 'dist'))
  writeFileSync(join(place.project, 'dist', WHEEL.name), WHEEL.content)
  writeFileSync(join(place.project, 'pyproject.toml'), poetryProject(INDEX))
}

/** The lines with a password in a variable, and the line with `keyring exec`. */
function importersLines(): { readonly password: string; readonly exec: string } {
  const [password = '', exec = '', ...more] = texts('twine-and-poetry', 'sh')
  assert.deepEqual(more, [])
  return { password, exec }
}

/** Python's keyring has nothing: beside twine and Poetry is a backend that would ask our program too. */
const NO_BACKEND = { PYTHON_KEYRING_BACKEND: 'keyring.backends.fail.Keyring' }

test('README: twine and Poetry, with the password of whoever is signed in', { skip }, async () => {
  writeAz()
  writeImportersProject()
  const script = fill(lines('a-laptop') + importersLines().password, place)
  await runScript(script, { ...place.env, ...NO_BACKEND, ...POETRY_IN_PROJECT }, place.project)
  assert.deepEqual(azure.uploads.map(({ name, sha256 }) => [name, sha256]), [[WHEEL.name, WHEEL.sha256]])
  assert.deepEqual(uploadedWith(azure), ['session: vso.packaging_write'])
  assert.ok(projectHasPackage(place.project))
})

test("README: twine with an application's token", { skip }, async () => {
  writeImportersProject()
  const { password, exec } = importersLines()
  await setUp(lines(AZURE) + password.replaceAll(/^(?!export ).*\n/gm, '') + exec, { ...NO_BACKEND, ...workload() })
  assert.deepEqual(azure.uploads.map(({ sha256 }) => sha256), [WHEEL.sha256])
  assert.deepEqual(uploadedWith(azure), ['application: all'])
})

test('README: asking keyring by hand', { skip }, async () => {
  writeAz()
  await setUp(lines('a-laptop') + lines('troubleshooting').replace(/^(.*keyring get .*)$/m, '$1 > answer 2> said'))
  assert.match(readFileSync(join(place.project, 'answer'), 'utf8'), /^\S+\n$/)
  assert.match(readFileSync(join(place.project, 'said'), 'utf8'), /^keyring: debug: /)
})

test('README: every block has been run', { skip }, () => {
  // The first two commands are what runs this test, and what .ci/run starts before it; those of the
  // verified install have a test of their own, in test/supply.
  const elsewhereRun = ['see-it-work', 'verified-install'].flatMap((anchor) => section(anchor).blocks)
  const left = SECTIONS.flatMap(({ blocks }) => blocks).filter((block) => !used.has(block) && !elsewhereRun.includes(block))
  assert.deepEqual(left.map(({ text }) => text), [])
})
