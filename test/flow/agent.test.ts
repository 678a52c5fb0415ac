// The agent as a process of its own, and the calls that use it: through the built program and the stand-in.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLIENT_SECRET, CONTOSO_TENANT, SECRET_CLIENT_ID } from '../azure/identities.ts'
import { writeFakeAz } from '../azure/programs.ts'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { BIN, logLines, newMachine, NOWHERE, runKeyring, runProgram } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/project/_packaging/feed/pypi/simple/'
const ON = { ARTIFACTS_KEYRING_NOFUSS_AGENT: '1' }
const DEBUG = { ARTIFACTS_KEYRING_NOFUSS_DEBUG: '1' }
const SKIP = process.platform === 'win32' ? 'there is no agent on Windows' : false
const ROOT = process.getuid?.() === 0 ? SKIP : 'only root can give a file to another user'
const PROC = existsSync('/proc/self/environ') ? SKIP : 'there is no /proc'
const NOBODY = 65534
const FROM_AGENT = /^keyring: debug: the answer comes from the agent, at \d+ ms$/m
const ALONE = /^keyring: debug: no agent is used: /m

let azure: StandIn
let machine: Machine
let log: string
let folder: string
let socket: string

before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  azure.reset()
  const mine = newMachine()
  machine = mine
  log = join(machine.home, 'az.log')
  folder = join(machine.home, '.cache', 'artifacts-keyring-nofuss')
  socket = join(folder, 'agent.1')
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  if (!('after' in context)) return
  context.after(async () => {
    for (const pid of agents(mine)) process.kill(pid, 'SIGKILL')
    await sleep(20)
    mine.remove()
  })
})

/** The agents of a machine that run, by their environment. */
function agents({ home }: Machine): readonly number[] {
  if (!existsSync('/proc/self/environ')) return []
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const serves = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('serve')
      return serves && readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`HOME=${home}`)
    } catch {
      return false
    }
  })
}

function variables(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...machine.env, ...azure.environment(), ...NOWHERE, ...DEBUG, ...env }
}

/** The bounds of a call among two hundred on a machine with two cores. */
const PATIENT = { ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '300', ARTIFACTS_KEYRING_NOFUSS_RETRIES: '10' }

function get(env: Readonly<Record<string, string>> = {}, service = FEED): Promise<Ended> {
  return runKeyring(['--mode=creds', 'get', service], variables(env))
}

/** Two hundred calls at once, behind the stand-in in the queue for the processor, so that it can answer them. */
function herd(env: Readonly<Record<string, string>>): Promise<Ended>[] {
  const all = variables({ ...PATIENT, ...env })
  const args = ['-n', '15', process.execPath, BIN, '--mode=creds', 'get', FEED]
  return Array.from({ length: 200 }, () => runProgram('/usr/bin/nice', args, all, { limitMs: 170_000 }))
}

/** An az that takes its time; sleep is not on the machine's PATH. */
function slowAz(delaySeconds: number, signedIn = true): void {
  const token = signedIn ? { token: azure.tokens.mintUserToken() } : {}
  const path = writeFakeAz(machine.programs, { log, delaySeconds, ...token })
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^sleep /m, '/bin/sleep '))
}

function agent(...args: readonly string[]): Promise<Ended> {
  return runKeyring(['agent', ...args], machine.env)
}

async function start(): Promise<number> {
  const ended = await agent('start')
  assert.deepEqual([ended.status, ended.stderr], [0, ''])
  return pidOf(ended)
}

function pidOf({ stdout }: Ended): number {
  return Number(/^running: process (\d+), answers kept: \d+(, for \d+ more minutes at most)?\n$/.exec(stdout)?.[1])
}

/** What a call has cost until now: starts of az, requests. */
function cost(): readonly [number, number] {
  return [logLines(log).length, azure.requests.length]
}

/** Asserts that the call has a credential that the feed takes; returns it. */
async function accepted(ended: Ended): Promise<string> {
  assert.equal(ended.status, 0, ended.stderr)
  assert.match(ended.stdout, /^VssSessionToken\n\S+\n$|^bearer\n\S+\n$/)
  const { ask } = await import('../azure/client.ts')
  const authorization = `Basic ${Buffer.from(ended.stdout.trim().replace('\n', ':')).toString('base64')}`
  assert.equal((await ask(azure, FEED, { headers: { authorization } })).status, 200)
  azure.requests.pop()
  return ended.stdout
}

/** Asserts that a call does all by itself, and says that it uses no agent. */
async function alone(why: RegExp, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const [starts, requests] = cost()
  const ended = await get(env)
  await accepted(ended)
  assert.match(ended.stderr, ALONE)
  assert.match(ended.stderr, why)
  assert.deepEqual(cost(), [starts + 1, requests + 2])
}

test('the first call starts an agent where it is asked to; the next one costs nothing', { skip: SKIP }, async () => {
  const first = await get(ON)
  const credential = await accepted(first)
  assert.doesNotMatch(first.stderr, FROM_AGENT)
  assert.deepEqual(cost(), [1, 2])
  for (const env of [ON, {}]) {
    const next = await get(env)
    assert.equal(next.stdout, credential)
    assert.match(next.stderr, FROM_AGENT)
  }
  assert.deepEqual(cost(), [1, 2])
})

test('an agent that was started by hand is used without a variable, and not where the variable says no', { skip: SKIP }, async () => {
  await start()
  const credential = await accepted(await get())
  assert.equal((await get()).stdout, credential)
  assert.deepEqual(cost(), [1, 2])
  for (const no of ['0', 'false', 'No', 'OFF']) {
    const ended = await get({ ARTIFACTS_KEYRING_NOFUSS_AGENT: no })
    assert.doesNotMatch(ended.stderr, /agent/)
  }
  assert.deepEqual(cost(), [5, 10])
})

test('without the variable no agent is started, and nothing is said of one', { skip: SKIP }, async () => {
  const ended = await get()
  await accepted(ended)
  assert.doesNotMatch(ended.stderr, /agent/)
  assert.deepEqual([existsSync(folder), agents(machine)], [false, []])
})

test('start, status, clear and stop say what is, and leave nothing but the socket', { skip: SKIP }, async () => {
  assert.deepEqual(await said('status'), [1, 'no agent is running\n'])
  assert.deepEqual(await said('stop'), [0, 'no agent is running\n'])
  assert.deepEqual(await said('clear'), [0, 'no agent is running\n'])
  const pid = await start()
  assert.deepEqual(await said('status'), [0, `running: process ${pid}, answers kept: 0\n`])
  await get()
  assert.deepEqual(await said('status'), [0, `running: process ${pid}, answers kept: 1, for 50 more minutes at most\n`])
  assert.deepEqual(readdirSync(folder), ['agent.1'])
  assert.equal(await start(), pid)
  assert.deepEqual(await said('clear'), [0, 'answers forgotten: 1\n'])
  await get()
  assert.deepEqual(cost(), [2, 4])
  assert.deepEqual(await said('stop'), [0, `process ${pid} has stopped\n`])
  assert.deepEqual(await said('status'), [1, 'no agent is running\n'])
  assert.deepEqual(readdirSync(folder), [])
  assert.deepEqual(readdirSync(machine.home).sort(), ['.cache', 'az.log'])
})

async function said(command: string): Promise<readonly [number | undefined, string]> {
  const ended = await agent(command)
  assert.equal(ended.stderr, '')
  return [ended.status, ended.stdout]
}

test('--ttl shortens how long answers are kept', { skip: SKIP }, async () => {
  await agent('start', '--ttl', '7')
  await get()
  assert.match((await agent('status')).stdout, /for 7 more minutes at most/)
})

test('an answer is not kept into the last five minutes of its token', { skip: SKIP }, async () => {
  const minutes = (life: string): Promise<Ended> => get({ ...ON, ARTIFACTS_CREDENTIALPROVIDER_SESSIONTIMEMINUTES: life })
  await minutes('4')
  assert.match((await agent('status')).stdout, /answers kept: 0$/m)
  await minutes('15')
  assert.match((await agent('status')).stdout, /answers kept: 1, for (9|10) more minutes at most$/m)
})

test('the process has the socket of its user only, no streams, no folder, and no variable that it does not need', { skip: PROC }, async () => {
  const secrets = { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET, OTHER: 'CANARY' }
  await get({ ...ON, ...secrets })
  const [pid, ...more] = agents(machine)
  assert.deepEqual(more, [])
  assert.deepEqual([lstatSync(folder).mode & 0o7777, lstatSync(socket).mode & 0o7777], [0o700, 0o600])
  // Node gives every process that variable where coverage is measured.
  const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').replace(/NODE_V8_COVERAGE=[^\0]*\0/, '')
  assert.equal(environment, `HOME=${machine.home}\0XDG_RUNTIME_DIR=\0`)
  assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/')
  for (const stream of [0, 1, 2]) assert.equal(readlinkSync(`/proc/${pid}/fd/${stream}`), '/dev/null')
})

test("XDG_RUNTIME_DIR is where the socket is, where it is the user's own", { skip: SKIP }, async () => {
  const runtime = join(machine.home, 'run')
  mkdirSync(runtime, { mode: 0o700 })
  const env = { ...ON, XDG_RUNTIME_DIR: runtime }
  await get(env)
  assert.deepEqual(readdirSync(join(runtime, 'artifacts-keyring-nofuss')), ['agent.1'])
  assert.match((await get(env)).stderr, FROM_AGENT)
  assert.equal(existsSync(folder), false)
  await runKeyring(['agent', 'stop'], { ...machine.env, ...env })
})

test('two jobs with other identities never share', { skip: SKIP }, async () => {
  await start()
  const application = { AZURE_CLIENT_ID: SECRET_CLIENT_ID, AZURE_TENANT_ID: CONTOSO_TENANT, AZURE_CLIENT_SECRET: CLIENT_SECRET, ARTIFACTS_KEYRING_NOFUSS_PROVIDER: 'client_secret' }
  const identities: readonly Readonly<Record<string, string>>[] = [{}, application, { AZURE_CONFIG_DIR: join(machine.home, 'az') }, { ARTIFACTS_KEYRING_NOFUSS_SCOPE: 'write' }]
  const first = [...await Promise.all(identities.map(async (env) => (await get(env)).stdout))]
  assert.equal(new Set(first).size, identities.length)
  for (const [index, env] of identities.entries()) {
    const again = await get(env)
    assert.equal(again.stdout, first[index])
    assert.match(again.stderr, FROM_AGENT)
  }
  // A wrong secret must not get what the right one got.
  const wrong = await get({ ...application, AZURE_CLIENT_SECRET: 'CANARY-wrong' })
  assert.deepEqual([wrong.status, wrong.stdout], [1, ''])
  assert.doesNotMatch((await get({}, FEED.replace('contoso', 'fabrikam'))).stderr, FROM_AGENT)
})

test('who signs in to az as somebody else gets an answer of their own', { skip: SKIP }, async () => {
  await start()
  const profile = (user: string): void => writeFileSync(join(machine.home, '.azure', 'azureProfile.json'), JSON.stringify({ subscriptions: [{ user: { name: user } }] }))
  mkdirSync(join(machine.home, '.azure'))
  profile('alice')
  const alice = await accepted(await get())
  profile('bob')
  assert.notEqual((await get()).stdout, alice)
  profile('alice')
  assert.equal((await get()).stdout, alice)
})

test('a ready-made token needs no agent: none is started, and none gets it', { skip: SKIP }, async () => {
  const pat = azure.tokens.mintPat('contoso')
  const file = join(machine.home, 'token')
  writeFileSync(file, pat)
  const external = JSON.stringify({ endpointCredentials: [{ endpoint: FEED, password: pat }] })
  const ways = [
    { ARTIFACTS_KEYRING_NOFUSS_TOKEN: pat },
    { ARTIFACTS_KEYRING_NOFUSS_TOKEN_FILE: file },
    { VSS_NUGET_ACCESSTOKEN: pat },
    { ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN: pat },
    { VSS_NUGET_URI_PREFIXES: FEED, VSS_NUGET_ACCESSTOKEN: pat },
    { VSS_NUGET_EXTERNAL_FEED_ENDPOINTS: external },
    { ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS: external },
    { TF_BUILD: 'True', SYSTEM_ACCESSTOKEN: pat },
  ]
  for (const running of [false, true]) {
    if (running) await start()
    for (const env of ways) {
      const ended = await get({ ...ON, ...env })
      assert.equal(ended.stdout, `VssSessionToken\n${pat}\n`, ended.stderr)
      assert.doesNotMatch(ended.stderr, /agent/)
    }
    assert.equal(existsSync(folder), running)
  }
  assert.match((await agent('status')).stdout, /answers kept: 0/)
})

test('a foreign service, or one without an organization, starts no agent', { skip: SKIP }, async () => {
  for (const service of ['https://index.example/simple/', 'https://pkgs.dev.azure.com/']) {
    const ended = await get(ON, service)
    assert.deepEqual([ended.status, ended.stdout], [1, ''])
    assert.doesNotMatch(ended.stderr, /agent is/)
  }
  assert.equal(existsSync(folder), false)
})

test('a failure is not kept, and neither is that a feed is public', { skip: SKIP }, async () => {
  await start()
  writeFakeAz(machine.programs, { log })
  const failed = await get()
  assert.deepEqual([failed.status, failed.stdout], [1, ''])
  assert.match(failed.stderr, /^keyring: error: no credential for /m)
  azure.behave('contoso', { feed: (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>') })
  const open = await get()
  assert.deepEqual([open.status, open.stdout], [1, ''])
  azure.reset()
  writeFakeAz(machine.programs, { log, token: azure.tokens.mintUserToken() })
  await accepted(await get())
  assert.deepEqual(cost(), [2, 2])
})

test('del forgets the organization, and only where there was something to forget it ends with 0', { skip: SKIP }, async () => {
  const del = (service = FEED): Promise<Ended> => runKeyring(['del', service, 'me'], machine.env)
  const nothing = async (service?: string): Promise<void> => {
    const ended = await del(service)
    assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, '', 'keyring: error: this keyring is read-only: there is nothing to delete\n'])
  }
  await nothing()
  await get(ON)
  await nothing(FEED.replace('contoso', 'fabrikam'))
  await nothing('https://index.example/')
  const ended = await del(FEED.replace('/feed/', '/other/'))
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, '', ''])
  await nothing()
  await get()
  assert.deepEqual(cost(), [2, 4])
})

test('200 calls at once: one az, one exchange, all answered', { skip: SKIP }, async () => {
  const calls = await Promise.all(herd(ON))
  for (const { status, stderr } of calls) assert.equal(status, 0, stderr)
  assert.deepEqual(calls.flatMap(({ stderr }) => stderr.match(/no agent is used: .*/g) ?? []), [])
  assert.equal(new Set(calls.map(({ stdout }) => stdout)).size, 1)
  assert.deepEqual(cost(), [1, 2])
  assert.equal(agents(machine).length, PROC === false ? 1 : 0)
})

test('the agent is killed in the middle of 200 calls: all are answered', { skip: PROC }, async () => {
  slowAz(5)
  const pid = await start()
  const calls = herd({})
  while (logLines(log).length === 0) await sleep(10)
  process.kill(pid, 'SIGKILL')
  for (const ended of await Promise.all(calls)) assert.match(ended.stdout, /^VssSessionToken\n\S+\n$/, ended.stderr)
})

test('the call that looks up is killed: the next one looks up, and all others are answered', { skip: SKIP }, async () => {
  slowAz(2)
  await start()
  const first = spawn(process.execPath, [BIN, 'get', FEED, 'me'], { env: variables({}), stdio: 'ignore' })
  while (logLines(log).length === 0) await sleep(10)
  const others = Array.from({ length: 5 }, () => get())
  await sleep(500)
  first.kill('SIGKILL')
  const stdouts = (await Promise.all(others)).map(({ stdout }) => stdout)
  assert.equal(new Set(stdouts).size, 1)
  assert.match(stdouts[0] ?? '', /^VssSessionToken\n\S+\n$/)
  assert.equal(logLines(log).length, 2)
})

test('when the lookup fails, nobody waits for another one in a row', { skip: SKIP }, async () => {
  slowAz(1, false)
  await start()
  const calls = await Promise.all(Array.from({ length: 8 }, () => get()))
  for (const { status, stderr } of calls) {
    assert.equal(status, 1)
    assert.match(stderr, /^keyring: error: no credential for /m)
  }
  assert.ok(calls.some(({ stderr }) => /no agent is used: it has no answer, at \d+ ms$/m.test(stderr)))
})

test('after kill -9 a new agent takes the place of the old socket', { skip: SKIP }, async () => {
  const pid = await start()
  process.kill(pid, 'SIGKILL')
  await sleep(50)
  assert.ok(existsSync(socket))
  assert.deepEqual(await said('status'), [1, 'no agent is running\n'])
  await accepted(await get())
  await get(ON)
  assert.match((await get()).stderr, FROM_AGENT)
  assert.notEqual(pidOf(await agent('status')), pid)
})

test('many starts at once make one agent, beside the socket of a dead one too', { skip: PROC }, async () => {
  for (const stale of [false, true]) {
    if (stale) for (const pid of agents(machine)) process.kill(pid, 'SIGKILL')
    const pids = await Promise.all(Array.from({ length: 12 }, start))
    assert.equal(new Set(pids).size, 1, `${stale}: ${pids.join(' ')}`)
    assert.deepEqual(agents(machine), [pids[0]])
  }
})

test('who was killed while starting an agent keeps nobody from starting one', { skip: SKIP }, async () => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const script = `require('node:net').createServer().listen(${JSON.stringify(join(folder, 'start.1'))}, () => process.kill(process.pid, 'SIGKILL'))`
  await runProgram(process.execPath, ['-e', script], machine.env)
  assert.deepEqual(readdirSync(folder), ['start.1'])
  await start()
  assert.deepEqual(readdirSync(folder), ['agent.1'])
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal} ends the agent and takes its socket away`, { skip: SKIP }, async () => {
    const pid = await start()
    process.kill(pid, signal)
    // The socket goes first, and the process a moment later.
    for (let turn = 0; (existsSync(socket) || agents(machine).length > 0) && turn < 200; turn += 1) await sleep(20)
    assert.deepEqual(agents(machine), [])
    assert.equal(existsSync(socket), false)
  })
}

test('an agent whose socket was taken away, or replaced, ends and leaves the other socket alone', { skip: PROC }, async () => {
  const pid = await start()
  renameSync(socket, join(folder, 'away'))
  const other = await start()
  assert.notEqual(other, pid)
  for (let turn = 0; agents(machine).length > 1 && turn < 600; turn += 1) await sleep(50)
  assert.deepEqual(agents(machine), [other])
  assert.equal(pidOf(await agent('status')), other)
})

test('an agent that hangs is not waited for', { skip: SKIP }, async () => {
  const pid = await start()
  await get()
  process.kill(pid, 'SIGSTOP')
  await alone(/no agent is used: it does not answer, or not in time/)
  process.kill(pid, 'SIGCONT')
  assert.match((await get()).stderr, FROM_AGENT)
})

test('a socket without its process, or a file in its place, is as if there were no agent', { skip: SKIP }, async () => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(socket, '')
  await alone(/agent\.1 is no socket, at \d+ ms$/m)
  await alone(/agent\.1 is no socket, at \d+ ms$/m, ON)
  const ended = await agent('start')
  assert.deepEqual([ended.status, ended.stdout], [1, ''])
  assert.match(ended.stderr, /^keyring: error: there is no usable agent: .*agent\.1 is no socket\n$/)
  assert.equal(lstatSync(socket).isFile(), true)
})

/** Listens where the agent would, and does what the test says. */
async function impostor(path: string, behave: (caller: Socket) => void): Promise<{ readonly server: Server; readonly met: () => number; readonly asked: () => number }> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let met = 0
  let asked = 0
  const server = createServer((caller) => {
    met += 1
    caller.on('error', () => {}).once('data', () => (asked += 1))
    behave(caller)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  chmodSync(path, 0o600)
  return { server, met: () => met, asked: () => asked }
}

const PEERS: Readonly<Record<string, (caller: Socket) => void>> = {
  'says nothing': () => {},
  'hangs up': (caller) => caller.destroy(),
  'hangs up when it was asked': (caller) => caller.on('data', () => caller.destroy()),
  'says an empty line': (caller) => caller.write('\n'),
  'talks rubbish': (caller) => caller.write(Buffer.from([0xff, 0xfe, 0, 10, 10, 13])),
  'talks without an end': (caller) => {
    const more = (): void => void (caller.writable && caller.write('x'.repeat(65_536), more))
    more()
  },
  'answers with an empty password': (caller) => caller.write('{"username":"u","password":""}\n'),
  'answers with a line break': (caller) => caller.write('{"username":"u","password":"a\\nb"}\n'),
  'answers with a number': (caller) => caller.write('{"username":"u","password":7}\n'),
  'answers with deep JSON': (caller) => caller.write(`${'['.repeat(50_000)}\n`),
  'says alone': (caller) => caller.write('alone\n'),
  'tells to look up, and goes away': (caller) => caller.end('lead\n'),
  'tells to look up, and does not listen': (caller) => {
    caller.pause()
    caller.write('lead\n')
  },
  'tells to wait, and goes away': (caller) => caller.end('wait\n'),
}

for (const [name, behave] of Object.entries(PEERS)) {
  test(`an agent that ${name} costs a call nothing but a moment`, { skip: SKIP }, async (context) => {
    const { server, met } = await impostorAt(behave)
    context.after(() => server.close())
    const ended = await get()
    await accepted(ended)
    assert.deepEqual([met(), cost()], [1, [1, 2]])
    assert.ok(ended.ms < 15_000, `${ended.ms} ms`)
  })
}

function impostorAt(behave: (caller: Socket) => void): ReturnType<typeof impostor> {
  return impostor(socket, behave)
}

/** Changes what is there, and says what the call must find wrong. */
interface Attack {
  readonly name: string
  readonly skip: string | false
  readonly make: () => void
  readonly why: RegExp
}

const ATTACKS: readonly Attack[] = [
  { name: 'a folder that all can write to', skip: SKIP, make: () => chmodSync(folder, 0o777), why: /artifacts-keyring-nofuss is open to other users/ },
  { name: 'a folder that the group can read', skip: SKIP, make: () => chmodSync(folder, 0o750), why: /artifacts-keyring-nofuss is open to other users/ },
  { name: 'a sticky folder that all can write to', skip: SKIP, make: () => chmodSync(folder, 0o1777), why: /artifacts-keyring-nofuss is open to other users/ },
  { name: 'a folder above that all can write to', skip: SKIP, make: () => chmodSync(join(folder, '..'), 0o777), why: /\.cache is open to other users/ },
  { name: 'a socket that all can write to', skip: SKIP, make: () => chmodSync(socket, 0o666), why: /agent\.1 is open to other users/ },
  {
    name: 'a link in place of the folder',
    skip: SKIP,
    make: () => {
      renameSync(folder, `${folder}-real`)
      symlinkSync(`${folder}-real`, folder)
    },
    why: /artifacts-keyring-nofuss is no folder/,
  },
  {
    name: 'a link in place of a folder above',
    skip: SKIP,
    make: () => {
      renameSync(join(folder, '..'), join(machine.home, 'real'))
      symlinkSync(join(machine.home, 'real'), join(machine.home, '.cache'))
    },
    why: /\.cache is no folder/,
  },
  {
    name: 'a link in place of the socket',
    skip: SKIP,
    make: () => {
      renameSync(socket, `${socket}-real`)
      symlinkSync(`${socket}-real`, socket)
    },
    why: /agent\.1 is no socket/,
  },
  { name: "a folder of another user's", skip: ROOT, make: () => chownSync(folder, NOBODY, NOBODY), why: /artifacts-keyring-nofuss belongs to another user/ },
  { name: "a folder above of another user's", skip: ROOT, make: () => chownSync(join(folder, '..'), NOBODY, NOBODY), why: /\.cache belongs to another user/ },
  { name: "a socket of another user's", skip: ROOT, make: () => chownSync(socket, NOBODY, NOBODY), why: /agent\.1 belongs to another user/ },
]

for (const { name, skip, make, why } of ATTACKS) {
  test(`${name} is not used: nothing is sent there, and nothing taken`, { skip }, async (context) => {
    const { server, asked } = await impostorAt((caller) => caller.write('{"username":"evil","password":"evil"}\n'))
    context.after(() => server.close())
    make()
    await alone(why)
    await alone(why, ON)
    for (const command of ['start', 'status', 'clear', 'stop', 'serve']) {
      const ended = await agent(command)
      assert.deepEqual([ended.status, ended.stdout], [1, ''], command)
      if (command !== 'serve') assert.match(ended.stderr, why)
    }
    assert.equal(asked(), 0)
    assert.deepEqual(agents(machine), [])
  })
}

test('without the flaw such a peer would be believed', { skip: SKIP }, async (context) => {
  const { server } = await impostorAt((caller) => caller.write('{"username":"u","password":"p"}\n'))
  context.after(() => server.close())
  assert.equal((await get()).stdout, 'u\np\n')
})

/** Connections that are open until the test closes them. */
async function connections(count: number, first: string): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(socket).on('error', () => {}).on('data', () => {}))
  await Promise.all(sockets.map((one) => new Promise((resolve) => one.once('connect', resolve).once('close', resolve))))
  for (const one of sockets) one.write(first)
  return sockets
}

test('more connections than the agent takes do not harm it or the calls', { skip: SKIP }, async (context) => {
  const pid = await start()
  const many = await connections(700, '')
  context.after(() => many.forEach((one) => one.destroy()))
  await accepted(await get())
  many.forEach((one) => one.destroy())
  assert.equal(pidOf(await agent('status')), pid)
})

test('the agent hangs up on who asks nothing in time, or too much', { skip: SKIP }, async (context) => {
  const pid = await start()
  const [silent, endless] = await connections(2, '{"ask":')
  context.after(() => [silent, endless].forEach((one) => one?.destroy()))
  const ends = [silent, endless].map((one) => new Promise((resolve) => one?.once('close', resolve)))
  endless?.write('x'.repeat(200_000))
  await Promise.all(ends)
  assert.equal(pidOf(await agent('status')), pid)
})

test('rubbish on the socket does not end the agent', { skip: SKIP }, async (context) => {
  const pid = await start()
  const rubbish = ['\n', '{}\n', '[]\n', 'null\n', '{"ask":"get"}\n', '{"ask":"get","organization":"a"}\n', `{"ask":"get","organization":"a","key":"${'k'.repeat(50_000)}"}\n`, '{"ask":7}\n', '\0\n', `${'['.repeat(90_000)}\n`, '{"ask":"status"}\n{"ask":"stop"}\n', '{"__proto__":{"ask":"stop"}}\n']
  for (const text of rubbish) {
    const [one] = await connections(1, text)
    context.after(() => one?.destroy())
  }
  await sleep(100)
  assert.equal(pidOf(await agent('status')), pid)
})

test('the home is gone: the call works as if there were no agent', { skip: SKIP }, async () => {
  await alone(/no agent is used: there is no folder of the user's own for it, or its path is too long, at \d+ ms$/m, { ...ON, HOME: '/proc/nobody' })
})
