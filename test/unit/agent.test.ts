// The agent without a process: its memory by a clock of the test's own, and who may have a hand in its socket.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readCredential } from '../../src/agent/client.ts'
import { identityKey } from '../../src/agent/client.ts'
import { createKeeper } from '../../src/agent/keeper.ts'
import type { Keeper } from '../../src/agent/keeper.ts'
import { agentFolder, flaw } from '../../src/agent/shared-lookup.ts'
import { serve } from '../../src/agent/start.ts'
import { agentCommand } from '../../src/cli/agent.ts'
import { parseService } from '../../src/feed/service.ts'
import { KeyringError } from '../../src/system/messages.ts'
import { VARIABLES } from '../../src/system/settings.ts'
import type { Inode, LineConnection } from '../../src/system/sockets.ts'
import type { System } from '../../src/system/system.ts'
import { fakeSystem, NOW } from './fake-system.ts'
import type { FakeWorld } from './fake-system.ts'
import { forAll, mutated } from './random.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A caller as the agent sees it, and what the agent has said to it. */
interface Caller {
  readonly heard: string[]
  readonly served: Promise<void>
  readonly say: (line: string) => Promise<void>
  readonly hangUp: () => Promise<void>
}

/** Lets everything happen that waits for nothing but its turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}

function call(keeper: Keeper, first: string): Caller {
  const lines = [first]
  const heard: string[] = []
  let open = true
  let wake = (): void => {}
  const connection: LineConnection = {
    read: async () => {
      while (lines.length === 0 && open) await new Promise<void>((resolve) => (wake = resolve))
      return lines.shift()
    },
    write: (line) => void (open && heard.push(line)),
    close: () => {
      open = false
      wake()
    },
  }
  const served = keeper.serve(connection)
  const say = (line: string): Promise<void> => {
    lines.push(line)
    wake()
    return settled()
  }
  return { heard, served, say, hangUp: () => (connection.close(), settled()) }
}

/** An agent with a clock that only the test moves. */
function agent(minutes = 50): { readonly keeper: Keeper; readonly clock: { now: number }; readonly stops: () => number } {
  const clock = { now: NOW }
  const system: System = { ...fakeSystem(), now: () => clock.now }
  let stops = 0
  return { keeper: createKeeper(minutes, system, () => (stops += 1)), clock, stops: () => stops }
}

function get(key: string, organization = 'contoso'): string {
  return JSON.stringify({ ask: 'get', organization, key })
}

function answer(password: string, expires?: number): string {
  return JSON.stringify({ username: 'VssSessionToken', password, expires })
}

/** Makes one caller bring an answer, and returns what another one then hears. */
async function bring(keeper: Keeper, key: string, line: string, organization?: string): Promise<void> {
  const leader = call(keeper, get(key, organization))
  await settled()
  assert.deepEqual(leader.heard, ['lead'])
  await leader.say(line)
}

async function hears(keeper: Keeper, question: string): Promise<string> {
  const caller = call(keeper, question)
  await settled()
  const [first = ''] = caller.heard
  await caller.hangUp()
  return first
}

test('an answer is given to later calls with the same key, and to no other', async () => {
  const { keeper } = agent()
  await bring(keeper, 'a', answer('CANARY-a'))
  assert.equal(await hears(keeper, get('a')), answer('CANARY-a'))
  assert.equal(await hears(keeper, get('b')), 'lead')
  assert.equal(await hears(keeper, get('A')), 'lead')
})

test('an answer is kept for so many minutes, and not a millisecond longer', async () => {
  for (const minutes of [1, 50]) {
    const { keeper, clock } = agent(minutes)
    await bring(keeper, 'a', answer('t', NOW + 24 * HOUR))
    clock.now = NOW + minutes * MINUTE - 1
    assert.equal(await hears(keeper, get('a')), answer('t'))
    clock.now += 1
    assert.equal(await hears(keeper, get('a')), 'lead')
  }
})

test('an answer ends five minutes before its token', async () => {
  const { keeper, clock } = agent()
  await bring(keeper, 'a', answer('t', NOW + 30 * MINUTE))
  clock.now = NOW + 25 * MINUTE - 1
  assert.equal(await hears(keeper, get('a')), answer('t'))
  clock.now += 1
  assert.equal(await hears(keeper, get('a')), 'lead')
})

test('a token that ends within five minutes is not kept, and those who wait look for themselves', async () => {
  const { keeper } = agent()
  const leader = call(keeper, get('a'))
  const waiter = call(keeper, get('a'))
  await settled()
  await leader.say(answer('t', NOW + 5 * MINUTE))
  assert.deepEqual(waiter.heard, ['wait', 'alone'])
  assert.equal(await hears(keeper, get('a')), 'lead')
})

test('an end that is no number does not make an answer last', async () => {
  for (const expires of ['x', {}, null, [], 'Infinity', true]) {
    const { keeper, clock } = agent()
    await bring(keeper, 'a', JSON.stringify({ username: 'u', password: 'p', expires }))
    clock.now += 50 * MINUTE
    assert.equal(await hears(keeper, get('a')), 'lead', JSON.stringify(expires))
  }
})

test('a clock that is set back ends what was kept before', async () => {
  const { keeper, clock } = agent()
  await bring(keeper, 'a', answer('t'))
  clock.now -= 1
  assert.equal(await hears(keeper, get('a')), 'lead')
})

test('many misses at once wait for one lookup', async () => {
  const { keeper } = agent()
  const callers = Array.from({ length: 100 }, () => call(keeper, get('a')))
  await settled()
  assert.equal(callers.filter(({ heard }) => heard[0] === 'lead').length, 1)
  await callers[0]?.say(answer('t'))
  for (const { heard } of callers.slice(1)) assert.deepEqual(heard, ['wait', answer('t')])
  await Promise.all(callers.map(({ served }) => served))
})

test('when the one who looks goes away, the next one looks, and those who went away before are passed over', async () => {
  const { keeper } = agent()
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => call(keeper, get('a')))
  await settled()
  await second?.hangUp()
  await first?.hangUp()
  await settled()
  assert.deepEqual([third?.heard, fourth?.heard], [['wait', 'lead'], ['wait']])
  await third?.say(answer('t'))
  assert.deepEqual(fourth?.heard, ['wait', answer('t')])
})

test('a lookup that leads to nothing is not kept, and lets all go at once who wait for it', async () => {
  const { keeper } = agent()
  const callers = Array.from({ length: 5 }, () => call(keeper, get('a')))
  await settled()
  await callers[0]?.say('nothing')
  for (const { heard } of callers.slice(1)) assert.deepEqual(heard, ['wait', 'alone'])
  assert.equal(await hears(keeper, get('a')), 'lead')
})

test('clear forgets an organization, or everything, and what is looked up meanwhile', async () => {
  const { keeper } = agent()
  await bring(keeper, 'a', answer('a'), 'contoso')
  await bring(keeper, 'b', answer('b'), 'contoso')
  await bring(keeper, 'c', answer('c'), 'fabrikam')
  const meanwhile = call(keeper, get('d'))
  await settled()
  assert.equal(await hears(keeper, '{"ask":"clear","organization":"contoso"}'), '{"cleared":2}')
  await meanwhile.say(answer('d'))
  for (const key of ['a', 'b', 'd']) assert.equal(await hears(keeper, get(key)), 'lead')
  assert.equal(await hears(keeper, get('c', 'fabrikam')), answer('c'))
  assert.equal(await hears(keeper, '{"ask":"clear"}'), '{"cleared":1}')
})

test('status says how many and for how long, and nothing of what', async () => {
  const { keeper, clock } = agent(10)
  await bring(keeper, 'a', answer('CANARY'))
  clock.now += MINUTE
  assert.equal(await hears(keeper, '{"ask":"status"}'), JSON.stringify({ pid: 42, entries: 1, last: 9 * MINUTE }))
})

test('stop forgets everything and ends the agent', async () => {
  const { keeper, stops } = agent()
  await bring(keeper, 'a', answer('CANARY'))
  await hears(keeper, '{"ask":"stop"}')
  assert.equal(stops(), 1)
  assert.equal(await hears(keeper, get('a')), 'lead')
})

test('without answers and callers the agent is of no use after ten minutes, not before', async () => {
  const { keeper, clock } = agent()
  await bring(keeper, 'a', answer('t'))
  clock.now += 50 * MINUTE - 1
  assert.equal(keeper.tidy(), true)
  clock.now += 1
  assert.equal(keeper.tidy(), false)
  const waiting = call(keeper, get('a'))
  await settled()
  assert.equal(keeper.tidy(), true)
  await waiting.hangUp()
  clock.now += 10 * MINUTE - 1
  assert.equal(keeper.tidy(), true)
  clock.now += 1
  assert.equal(keeper.tidy(), false)
})

test('the process ends with its last answer when nobody has called for a while, or when its socket is not its own', async () => {
  const minutesUntilEnd = async (isInPlace: (now: number) => boolean): Promise<number> => {
    let now = NOW
    let closed = 0
    let accept: ((caller: LineConnection) => void) | undefined
    const lines = [get('a'), answer('t')]
    const caller: LineConnection = { read: () => Promise.resolve(lines.shift()), write: () => {}, close: () => {} }
    const system: System = {
      ...fakeSystem({ env: { HOME: '/home/me' } }),
      inspect: (path) => OWN[path],
      now: () => now,
      sleep: async (ms) => {
        if (now === NOW) accept?.(caller)
        await settled()
        now += ms
      },
      sockets: () => Promise.resolve({
        connect: () => Promise.resolve('ECONNREFUSED'),
        listen: (path, take) => {
          assert.equal(path, SOCKET)
          accept = take
          return Promise.resolve({ isInPlace: () => isInPlace(now), close: () => void (closed += 1) })
        },
      }),
    }
    assert.equal(await serve(50, system), undefined)
    assert.equal(closed, 1)
    return (now - NOW) / MINUTE
  }
  assert.equal(await minutesUntilEnd(() => true), 50)
  assert.equal(await minutesUntilEnd((now) => now < NOW + 7 * MINUTE), 7)
})

test('24 hours of work leave nothing behind', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { keeper, clock } = agent()
  const kept = async (): Promise<number> => (JSON.parse(await hears(keeper, '{"ask":"status"}')) as { readonly entries: number }).entries
  const used: number[] = []
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    for (let number = 0; number < 5; number += 1) {
      // Every minute other jobs, one of which goes away and one of which finds nothing.
      const key = `job ${minute} ${number}`
      if (number === 3) await hears(keeper, get(key))
      else await bring(keeper, key, number === 4 ? 'nothing' : answer(`${minute}-${'x'.repeat(4000)}`, clock.now + (number + 1) * 20 * MINUTE))
    }
    clock.now += MINUTE
    keeper.tidy()
    if (minute % 60 !== 59) continue
    assert.ok((await kept()) <= 15 + 35 + 50, `minute ${minute}: ${await kept()}`)
    collect()
    used.push(process.memoryUsage().heapUsed)
  }
  clock.now += 50 * MINUTE
  keeper.tidy()
  assert.equal(await kept(), 0)
  const [early = 0, late = 0] = [used[2], used.at(-1)]
  assert.ok(late - early < 2_000_000, `${early} bytes after three hours, ${late} after 24`)
})

test('the number of answers has a bound, and the oldest goes', async () => {
  const { keeper } = agent()
  for (let number = 0; number < 257; number += 1) await bring(keeper, `${number}`, answer(`${number}`))
  assert.equal(await hears(keeper, get('0')), 'lead')
  assert.equal(await hears(keeper, get('1')), answer('1'))
  assert.equal(await hears(keeper, get('256')), answer('256'))
})

const NOISE = [...'{}[]":,\\ \0aé\ud800', '"ask"', '"get"', '"key"', '__proto__', '1e999', '\u2028', '-', 'null']

test('nothing that a caller says breaks the agent or is kept unless it is an answer', async () => {
  const rounds: Promise<void>[] = []
  forAll((random) => {
    const { keeper, stops } = agent()
    const whole = random.pick([get('a'), '{"ask":"status"}', '{"ask":"clear","organization":"contoso"}', 'lead', ''])
    const question = random.oneIn(3) ? mutated(whole, NOISE, random) : whole
    const brought = mutated(random.pick([answer('p'), 'nothing', '{}']), NOISE, random)
    rounds.push((async () => {
      const caller = call(keeper, question)
      await settled()
      const leads = caller.heard[0] === 'lead'
      await caller.say(brought)
      await caller.hangUp()
      await caller.served
      const kept = leads && readCredential(tryJson(brought)) !== undefined
      assert.equal(stops(), 0)
      const status = JSON.parse(await hears(keeper, '{"ask":"status"}')) as { readonly entries: number }
      // A token whose end is in the past is an answer and not kept all the same.
      assert.ok(status.entries <= (kept ? 1 : 0), JSON.stringify([question, brought]))
    })())
  }, 3000)
  await Promise.all(rounds)
})

function tryJson(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

test('an answer with a line break, a space, another character or of great length is none', () => {
  for (const bad of ['', 'a b', 'a\nb', 'é', '\u001b[31m', 'x'.repeat(65_537), 7, null, ['x']]) {
    assert.equal(readCredential({ username: 'u', password: bad }), undefined)
    assert.equal(readCredential({ username: bad, password: 'p' }), undefined)
  }
  assert.equal(readCredential(undefined), undefined)
  assert.equal(readCredential(JSON.parse('{"__proto__":{"username":"u","password":"p"}}') as Record<string, unknown>), undefined)
  assert.equal(readCredential({ username: 'u', password: 'p' })?.password.reveal(), 'p')
})

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'

function key(world: FakeWorld = {}, service = FEED, change: Partial<System> = {}): string {
  const system = { ...fakeSystem({ home: '/home/me', ...world }), ...change }
  const feed = parseService(service, system)
  assert.ok(feed !== undefined)
  return identityKey(feed, system)
}

test('every variable but those that say how makes another key, whether it is set, empty or different', () => {
  const indifferent = Object.keys(VARIABLES).filter((name) => key({ env: { [name]: 'x' } }) === key())
  assert.deepEqual(indifferent.sort(), [
    'ARTIFACTS_KEYRING_NOFUSS_AGENT',
    'ARTIFACTS_KEYRING_NOFUSS_DEBUG',
    'ARTIFACTS_KEYRING_NOFUSS_LOG',
    'ARTIFACTS_KEYRING_NOFUSS_RETRIES',
    'ARTIFACTS_KEYRING_NOFUSS_TIMEOUT',
    'PATH',
  ])
  for (const name of Object.keys(VARIABLES).filter((one) => !indifferent.includes(one))) {
    assert.notEqual(key({ env: { [name]: 'x' } }), key({ env: { [name]: 'y' } }), name)
  }
})

test('variables of az that this program does not read make another key; those of others do not', () => {
  for (const name of ['AZURE_EXTENSION_DIR', 'AZD_CONFIG_DIR', 'AZURE_CORE_CLOUD']) assert.notEqual(key({ env: { [name]: 'x' } }), key(), name)
  for (const name of ['PIP_INDEX_URL', 'LANG', 'VIRTUAL_ENV']) assert.equal(key({ env: { [name]: 'x' } }), key(), name)
})

test('the order of variables does not matter, and one cannot pass for another', () => {
  assert.equal(key({ env: { AZURE_CLIENT_ID: 'a', AZURE_TENANT_ID: 'b' } }), key({ env: { AZURE_TENANT_ID: 'b', AZURE_CLIENT_ID: 'a' } }))
  assert.notEqual(key({ env: { AZURE_CLIENT_ID: 'a","b' } }), key({ env: { AZURE_CLIENT_ID: 'a', AZURE_TENANT_ID: 'b' } }))
  assert.notEqual(key({ env: { AZURE_CLIENT_ID: 'ab', AZURE_TENANT_ID: 'c' } }), key({ env: { AZURE_CLIENT_ID: 'a', AZURE_TENANT_ID: 'bc' } }))
})

test('user, home, host, organization and the right to upload make another key; the feed does not', () => {
  assert.notEqual(key({}, FEED, { uid: 1001 }), key())
  assert.notEqual(key({ home: '/home/you' }), key())
  for (const service of [
    FEED.replace('contoso', 'fabrikam'),
    'https://pkgs.codedev.ms/contoso/_packaging/feed/pypi/simple/',
    'https://contoso.pkgs.visualstudio.com/_packaging/feed/pypi/simple/',
    'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/upload/',
  ]) {
    assert.notEqual(key({}, service), key(), service)
  }
  assert.equal(key({}, FEED.replace('feed', 'other')), key())
})

test('another login, configuration, certificate or assertion makes another key', () => {
  const env = { AZURE_CLIENT_CERTIFICATE_PATH: '/c.pem', AZURE_FEDERATED_TOKEN_FILE: '/token' }
  const paths = ['/home/me/.azure/azureProfile.json', '/home/me/.config/python_keyring/keyringrc.cfg', '/c.pem', '/token']
  const keys = paths.flatMap((path) => [key({ env, files: { [path]: 'one' } }), key({ env, files: { [path]: 'two' } })])
  assert.equal(new Set([...keys, key({ env })]).size, 9)
  const elsewhere = { AZURE_CONFIG_DIR: '/az' }
  assert.notEqual(key({ env: elsewhere, files: { '/az/azureProfile.json': 'one' } }), key({ env: elsewhere, files: { '/az/azureProfile.json': 'two' } }))
})

test('PATH counts by the programs that are found on it', () => {
  const programs = { '/usr/bin/az': () => ({ ended: 'not-started' }) as const, '/mine/az': () => ({ ended: 'not-started' }) as const }
  const on = (PATH: string): string => key({ programs, env: { PATH } })
  assert.equal(on('/tmp/pip-build-env-1/bin:/usr/bin'), on('/tmp/pip-build-env-2/bin:/usr/bin'))
  assert.notEqual(on('/mine:/usr/bin'), on('/usr/bin'))
})

const FOLDER = '/home/me/.cache/artifacts-keyring-nofuss'
const SOCKET = `${FOLDER}/agent.1`
const OWN: Readonly<Record<string, Inode>> = {
  '/': { kind: 'folder', owner: 0, mode: 0o755 },
  '/home': { kind: 'folder', owner: 0, mode: 0o755 },
  '/home/me': { kind: 'folder', owner: 1000, mode: 0o750 },
  '/home/me/.cache': { kind: 'folder', owner: 1000, mode: 0o755 },
  [FOLDER]: { kind: 'folder', owner: 1000, mode: 0o700 },
  [SOCKET]: { kind: 'socket', owner: 1000, mode: 0o600 },
}

function flawOf(change: Readonly<Record<string, Partial<Inode> | undefined>> = {}): string | undefined {
  const inspect = (path: string): Inode | undefined => {
    const own = OWN[path]
    return path in change && change[path] === undefined ? undefined : own && { ...own, ...change[path] }
  }
  return flaw(FOLDER, SOCKET, { ...fakeSystem(), inspect })
}

test("a folder and a socket of the user's own have no flaw", () => {
  assert.equal(flawOf(), undefined)
  assert.equal(flawOf({ '/home': { mode: 0o1777 }, '/home/me/.cache': { owner: 0 } }), undefined)
})

test('whatever lets another user have a hand in the socket is a flaw, and names the path', () => {
  for (const path of Object.keys(OWN)) {
    assert.match(flawOf({ [path]: { owner: 1001 } }) ?? '', new RegExp(`^${path} belongs to another user$`))
    assert.match(flawOf({ [path]: { kind: 'other' } }) ?? '', new RegExp(`^${path} is no (folder|socket)$`))
    assert.match(flawOf({ [path]: undefined }) ?? '', new RegExp(`^${path} is no (folder|socket)$`))
    for (const mode of [0o722, 0o702, 0o720]) assert.match(flawOf({ [path]: { mode } }) ?? '', new RegExp(`^${path} is open to other users$`), path)
  }
  for (const path of [FOLDER, SOCKET]) {
    assert.match(flawOf({ [path]: { owner: 0 } }) ?? '', /belongs to another user$/)
    for (const mode of [0o701, 0o710, 0o704, 0o740, 0o1777]) assert.match(flawOf({ [path]: { mode } }) ?? '', /is open to other users$/, mode.toString(8))
  }
  assert.match(flawOf({ [FOLDER]: { kind: 'socket' } }) ?? '', /no folder$/)
  assert.match(flawOf({ [SOCKET]: { kind: 'folder' } }) ?? '', /no socket$/)
})

test('a path that is relative, or too long for a socket, is a flaw', () => {
  const system = { ...fakeSystem(), inspect: () => ({ kind: 'folder', owner: 0, mode: 0o700 }) as const, uid: 0 }
  assert.match(flaw('run/x', undefined, system) ?? '', /or its path is too long/)
  assert.equal(flaw(`/${'x'.repeat(93)}`, undefined, system), undefined)
  assert.match(flaw(`/${'é'.repeat(47)}`, undefined, system) ?? '', /or its path is too long/)
})

test("the folder is in XDG_RUNTIME_DIR, else in the home, where that is the user's own", () => {
  const at = (env: Readonly<Record<string, string>>, owners: Readonly<Record<string, number>>, uid: number | undefined = 1000): string | undefined => {
    const inspect = (path: string): Inode | undefined => {
      const owner = owners[path]
      return owner === undefined ? undefined : { kind: 'folder', owner, mode: 0o700 }
    }
    return agentFolder({ ...fakeSystem({ env }), inspect, uid })
  }
  const env = { XDG_RUNTIME_DIR: '/run/user/1000', HOME: '/home/me' }
  const owners = { '/run/user/1000': 1000, '/home/me': 1000 }
  assert.equal(at(env, owners), '/run/user/1000/artifacts-keyring-nofuss')
  assert.equal(at(env, { ...owners, '/run/user/1000': 1001 }), FOLDER)
  assert.equal(at(env, { '/home/me': 1000 }), FOLDER)
  assert.equal(at({ HOME: '/home/me' }, owners), FOLDER)
  // sudo with the user's HOME: root must not make folders there.
  assert.equal(at(env, owners, 0), undefined)
  assert.equal(at(env, {}), undefined)
  assert.equal(at({ XDG_RUNTIME_DIR: 'run', HOME: 'home' }, { run: 1000, home: 1000 }), undefined)
  const windows: System = { ...fakeSystem({ env, platform: 'win32' }), uid: undefined, inspect: () => ({ kind: 'folder', owner: 0, mode: 0 }) }
  assert.equal(agentFolder(windows), undefined)
})

test('on Windows every command says that there is no agent', async () => {
  for (const command of ['start', 'serve', 'status', 'stop', 'clear']) {
    const call = agentCommand([command], { ...fakeSystem({ platform: 'win32' }), uid: undefined })
    await assert.rejects(call, (error) => error instanceof KeyringError && error.code === 'AGENT' && /Windows/.test(error.message))
  }
})

test('what is no command of the agent is wrong usage', async () => {
  const wrong = [[], ['nonsense'], ['start', '--ttl'], ['start', '--ttl=0'], ['start', '--ttl', '51'], ['start', '--ttl=-1'], ['start', '--ttl=1e1'], ['status', '--ttl=5'], ['serve', 'now'], ['stop', 'now'], ['start', '--ttl=5', '--ttl=6']]
  for (const argv of wrong) {
    await assert.rejects(agentCommand(argv, fakeSystem()), (error) => error instanceof KeyringError && error.code === 'USAGE', argv.join(' '))
  }
})
