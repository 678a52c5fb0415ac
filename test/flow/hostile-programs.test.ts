// az and ado-auth-helper as programs that do everything a program can do, against the built program.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { startStandIn } from '../azure/stand-in.ts'
import type { StandIn } from '../azure/stand-in.ts'
import { BIN, newMachine, NOWHERE, runKeyring } from './program.ts'
import type { Ended, Machine } from './program.ts'

const FEED = 'https://pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/'
const PROC = existsSync('/proc/self/status')
const SKIP = process.platform === 'win32' ? 'the programs are scripts of sh' : false
/** Resident memory that no output may drive keyring beyond, in KiB; an idle Node has about 50 MiB. */
const MEMORY_LIMIT = 128 * 1024

let azure: StandIn
let machine: Machine
before(async () => {
  azure = await startStandIn()
})
after(() => azure.close())
beforeEach((context) => {
  machine = newMachine()
  if ('after' in context) context.after(() => machine.remove())
})

/** How a call ended, and the most memory that keyring had, where that can be seen. */
interface Watched extends Ended {
  readonly peakKiB: number | undefined
}

/** What the helper does, and what keyring says to it. `refused` is one error line. */
interface Behaviour {
  readonly name: string
  /** Lines of sh; a program has nothing on its PATH. */
  readonly script: string
  readonly says: 'pat' | RegExp
  /** For a script that only az gets, since ado-auth-helper prints a bare token. */
  readonly only?: 'az' | 'helper'
  /** It goes on until the time of the call is over. */
  readonly slow?: true
}

const OUT_OF_TIME = /the time of this call (was|is) over/
const TOO_MUCH = /could not be used \(too-much-output\)/
const NOT_ASCII = /contains white space, a control character or a character that is not ASCII/
/** az prints JSON and ado-auth-helper a bare token: the answer of both, told apart by their arguments. */
const ANSWER = `if [ "$1" = account ]; then echo '{"accessToken": "pat", "tenant": "t"}'; else echo pat; fi`
const NESTED = `/usr/bin/printf '%0100000d' 0 | /usr/bin/tr 0 '['`

const BEHAVIOURS: readonly Behaviour[] = [
  { name: 'a good answer', script: ANSWER, says: 'pat' },
  { name: '100 MB of output', script: '/usr/bin/head -c 100000000 /dev/zero', says: TOO_MUCH },
  { name: '100 MB of letters after the answer', script: `${ANSWER}\n/usr/bin/head -c 100000000 /dev/zero | /usr/bin/tr '\\0' a`, says: TOO_MUCH },
  { name: '100 MB on stderr', script: `/usr/bin/head -c 100000000 /dev/zero >&2\n${ANSWER}`, says: TOO_MUCH },
  { name: 'endless output', script: 'exec /usr/bin/yes', says: TOO_MUCH },
  { name: 'endless output on stderr', script: 'exec /usr/bin/yes >&2', says: TOO_MUCH },
  { name: 'one line for ever', script: 'exec /usr/bin/tr "\\0" a < /dev/zero', says: TOO_MUCH },
  { name: 'a megabyte less a byte', script: '/usr/bin/head -c 1048575 /dev/zero | /usr/bin/tr "\\0" "{"', says: /printed no access token|is longer than 64 KiB/ },
  { name: 'binary output', script: '/usr/bin/head -c 100000 /dev/urandom', says: /printed no access token|contains|longer/ },
  { name: 'invalid UTF-8', script: `printf '\\377\\376'`, says: /printed no access token|contains white space, a control character or a character that is not ASCII/ },
  { name: 'invalid UTF-8 in the token', script: `printf '{"accessToken":"p\\377t"}'`, says: NOT_ASCII },
  { name: 'UTF-16', script: `printf '\\377\\376{\\0}\\0'`, says: /printed no access token|contains/ },
  { name: 'nothing', script: ':', says: /printed no access token|printed nothing/ },
  { name: 'a byte order mark before the answer', script: `printf '\\357\\273\\277'\n${ANSWER}`, says: 'pat' },
  { name: 'two tokens', script: 'printf "a\\nb\\n"', says: NOT_ASCII, only: 'helper' },
  { name: 'a token with a terminal sequence', script: 'printf "p\\033[31mt"', says: NOT_ASCII, only: 'helper' },
  { name: 'JSON of 100,000 levels', script: NESTED, says: /printed no access token/, only: 'az' },
  { name: 'JSON of 100,000 objects', script: `printf '{"accessToken":'\n${NESTED}\nprintf '}'`, says: /printed no access token/, only: 'az' },
  { name: 'a value of 100,000 levels beside the token', script: `printf '{"accessToken":"pat","x":'\n${NESTED}\n${NESTED.replace("'['", "']'")}\nprintf '}'`, says: 'pat', only: 'az' },
  { name: 'a member twice', script: `echo '{"accessToken":"old","accessToken":"pat"}'`, says: 'pat', only: 'az' },
  { name: '__proto__', script: `echo '{"__proto__":{"accessToken":"CANARY"}}'`, says: /printed no access token/, only: 'az' },
  { name: 'a token that is a number', script: `echo '{"accessToken":7}'`, says: /printed no access token/, only: 'az' },
  { name: 'a token on stderr', script: 'echo "CANARY eyJCANARY.CANARY.CANARY" >&2\nexit 1', says: /failed with exit status 1/ },
  { name: 'a token on stderr beside an answer', script: `echo CANARY >&2\n${ANSWER}`, says: 'pat' },
  { name: 'a token on stdout and a failure', script: 'echo CANARY\nexit 3', says: /failed with exit status 3/ },
  { name: 'exit status 255', script: 'exit 255', says: /failed with exit status 255/ },
  { name: 'an end by SIGKILL', script: `${ANSWER}\nkill -9 $$`, says: /could not be used \(signal\)/ },
  { name: 'an end by SIGSEGV', script: 'kill -SEGV $$', says: /could not be used \(signal\)/ },
  { name: 'SIGTERM ignored, and silence', script: `trap '' TERM INT HUP\n/bin/sleep 60\n/bin/sleep 60`, says: OUT_OF_TIME, slow: true },
  { name: 'silence for ever', script: 'exec /bin/sleep 60', says: OUT_OF_TIME, slow: true },
  { name: 'stopped by itself', script: 'kill -STOP $$', says: OUT_OF_TIME, slow: true },
  { name: 'an answer and no end', script: `${ANSWER}\nexec /bin/sleep 60`, says: OUT_OF_TIME, slow: true },
  { name: 'output closed, and no end', script: `${ANSWER}\nexec /bin/sleep 60 >&- 2>&-`, says: OUT_OF_TIME, slow: true },
  { name: 'half an answer', script: `printf '{"accessToken": "CANA'\nexec /bin/sleep 60`, says: OUT_OF_TIME, slow: true },
  { name: 'a drop at a time', script: 'while :; do echo a; /bin/sleep 0.1; done', says: OUT_OF_TIME, slow: true },
  { name: 'a grandchild that holds stdout', script: `/bin/sleep 60 &\n${ANSWER}`, says: 'pat' },
  { name: 'a grandchild that ignores signals and holds stdout', script: `(trap '' TERM INT HUP; /bin/sleep 60; /bin/sleep 60) &\n${ANSWER}`, says: 'pat' },
  { name: 'a grandchild that goes on writing', script: `/usr/bin/yes >&2 &\n/bin/sleep 0.3\n${ANSWER}`, says: TOO_MUCH },
  { name: 'many grandchildren', script: `for i in 1 2 3 4 5 6 7 8 9 10; do /bin/sleep 60 & done\n${ANSWER}`, says: 'pat' },
  { name: 'zombies', script: `for i in 1 2 3 4 5 6 7 8 9 10; do /bin/sleep 0 & done\nexec /bin/sleep 60`, says: OUT_OF_TIME, slow: true },
  { name: 'input read to its end', script: `/bin/cat\n${ANSWER}`, says: 'pat' },
]

/** Every behaviour with each program that can have it. */
const CASES = BEHAVIOURS.flatMap((behaviour) =>
  (['az', 'helper'] as const)
    .filter((program) => behaviour.only === undefined || behaviour.only === program)
    .map((program) => ({ ...behaviour, program, title: `${program}: ${behaviour.name}` })),
)

async function check({ program, script, says, title }: (typeof CASES)[number], on: Machine): Promise<void> {
  const ended = await get(program, script, {}, on)
  if (says === 'pat') assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''], title)
  else {
    assert.deepEqual([ended.status, ended.stdout], [1, ''], title)
    assert.match(ended.stderr, says, title)
    assert.match(ended.stderr, /^keyring: error: [^\n]*\n(keyring: hint: [^\n]*\n)*$/, title)
  }
  assert.equal(ended.stderr.includes('CANA'), false, title)
  assert.ok(ended.ms < 6000, `${title}: ${ended.ms} ms`)
  assert.ok(ended.peakKiB !== undefined && ended.peakKiB < MEMORY_LIMIT, `${title}: ${ended.peakKiB} KiB`)
  await noneLeft(on)
}

for (const row of CASES.filter(({ slow }) => slow === undefined)) {
  test(row.title, { skip: SKIP }, () => check(row, machine))
}

test('programs that never end cost the time of the call, and end with it', { skip: SKIP }, async (context) => {
  const slow = CASES.filter((row) => row.slow)
  await Promise.all(slow.map((row) => {
    const own = newMachine()
    context.after(() => own.remove())
    return check(row, own)
  }))
})

test('a program that leaves a session of its own behind, with its output open, does not hold us', { skip: existsSync('/usr/bin/setsid') ? SKIP : 'there is no setsid' }, async () => {
  const ended = await get('helper', `/usr/bin/setsid /bin/sleep 15 &\n${ANSWER}`)
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, 'pat\n', ''])
  assert.ok(ended.ms < 5000, `${ended.ms} ms`)
})

/** Every secret that the environment can hold. The providers that would use them are not reached. */
const SECRETS = [
  'ARTIFACTS_KEYRING_NOFUSS_TOKEN', 'VSS_NUGET_ACCESSTOKEN', 'ARTIFACTS_CREDENTIALPROVIDER_ACCESSTOKEN', 'VSS_NUGET_EXTERNAL_FEED_ENDPOINTS',
  'ARTIFACTS_CREDENTIALPROVIDER_EXTERNAL_FEED_ENDPOINTS', 'ARTIFACTS_CREDENTIALPROVIDER_FEED_ENDPOINTS', 'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'SYSTEM_ACCESSTOKEN', 'servicePrincipalKey', 'idToken', 'IDENTITY_HEADER', 'MSI_SECRET',
]

for (const program of ['az', 'helper', 'azd', 'pwsh'] as const) {
  test(`${program} gets no secret of ours, in its arguments or its environment`, { skip: PROC ? SKIP : 'there is no /proc' }, async () => {
    const seen = join(machine.home, 'seen')
    const script = `/bin/cat /proc/$$/cmdline /proc/$$/environ > '${seen}'\nexit 1`
    const ended = await get(program, script, Object.fromEntries(SECRETS.map((name) => [name, `CANARY${name}`])))
    assert.equal(ended.status, 1)
    const text = readFileSync(seen, 'latin1')
    assert.ok(text.includes('PATH='), 'the program was started')
    assert.equal(text.includes('CANARY'), false, text.replaceAll('\0', '\n'))
    assert.equal(ended.stderr.includes('CANARY'), false)
  })
}

test('what az printed is in nothing that keyring starts later', { skip: PROC ? SKIP : 'there is no /proc' }, async () => {
  const seen = join(machine.home, 'seen')
  const spy = `/bin/cat /proc/$$/cmdline /proc/$$/environ >> '${seen}'`
  writeProgram('helper', `${spy}\nexit 1`)
  const expired = `e30.${Buffer.from('{"exp":1,"scp":"x"}').toString('base64url')}.CANARY`
  const ended = await get('az', `${spy}\necho '{"accessToken":"${expired}"}'`, { ARTIFACTS_KEYRING_NOFUSS_PROVIDER: '' })
  assert.equal(ended.status, 1)
  assert.match(ended.stderr, /azure_cli: the token in az's answer expired/)
  const text = readFileSync(seen, 'latin1')
  assert.deepEqual([text.split('ado-auth-helper\0get-access-token').length, text.includes('CANARY')], [2, false])
})

test('keyring itself killed: the program it started does not go on writing', { skip: PROC ? SKIP : 'there is no /proc' }, async () => {
  writeProgram('helper', 'exec /usr/bin/yes')
  const child = spawn(process.execPath, [BIN, 'get', FEED, 'me'], { env: variables('helper'), stdio: 'ignore' })
  // SIGKILL leaves no time to clean up; the closed pipe ends what writes.
  setTimeout(() => child.kill('SIGKILL'), 80)
  await new Promise((resolve) => child.on('close', resolve))
  await noneLeft()
})

const PROVIDERS = { az: 'azure_cli', helper: 'ado_auth_helper', azd: 'azure_developer_cli', pwsh: 'azure_powershell' } as const

function writeProgram(program: keyof typeof PROVIDERS, script: string, on = machine): void {
  const path = program === 'helper' ? join(on.home, 'ado-auth-helper') : join(on.programs, program)
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

function variables(program: keyof typeof PROVIDERS, on = machine): Record<string, string> {
  return {
    ...on.env,
    ...azure.environment(),
    ...NOWHERE,
    ARTIFACTS_KEYRING_NOFUSS_TIMEOUT: '2',
    ARTIFACTS_KEYRING_NOFUSS_PROVIDER: PROVIDERS[program],
  }
}

async function get(program: keyof typeof PROVIDERS, script: string, env: Readonly<Record<string, string>> = {}, on = machine): Promise<Watched> {
  writeProgram(program, script, on)
  const peak = join(on.home, 'peak')
  const preload = join(on.home, 'peak.cjs')
  writeFileSync(preload, `process.on('exit', () => fs.writeFileSync(${JSON.stringify(peak)}, String(process.resourceUsage().maxRSS)))\nconst fs = require('node:fs')\n`)
  // A module that is loaded first reports keyring's own peak; the programs are not Node.
  const ended = await runKeyring(['get', FEED, 'me'], { ...variables(program, on), NODE_OPTIONS: `--require="${preload}"`, ...env }, { limitMs: 20_000 })
  return { ...ended, peakKiB: existsSync(peak) ? Number(readFileSync(peak, 'utf8')) : undefined }
}

/** Waits until no process of this machine is left: each has the folder of programs in its variables. */
async function noneLeft(on = machine): Promise<void> {
  if (!PROC) return
  let left = processes(on)
  for (let tries = 0; left.length > 0 && tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    left = processes(on)
  }
  assert.deepEqual(left, [])
}

function processes(on: Machine): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => textOf(`/proc/${pid}/environ`).includes(`PATH=${on.programs}:`)).map((pid) => `${pid} ${textOf(`/proc/${pid}/cmdline`)}`)
}

/** The text of a file of /proc; nothing where its process is gone, or not ours. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
