import { join } from 'node:path'
import { logLines, quote, writeScript } from '../azure/shell-script.ts'
import { clientPath } from '../clients/installed.ts'
import { BIN, runProgram } from '../flow/program.ts'
import type { Bench } from './bench.ts'
import { knowsAgent, machineWithAz, machineWithAzForPython } from './world.ts'
import type { LoggedMachine } from './world.ts'

/** A `keyring` for a user who is signed in to az. */
export interface Stack {
  readonly name: string
  readonly machine: LoggedMachine
  /** How it is started. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Makes it forget what it has in memory. */
  readonly forget: () => Promise<void>
}

const AGENT = { ARTIFACTS_KEYRING_NOFUSS_AGENT: '1' }

/** This program without and with its agent, and Python's where it is installed. */
export async function prepareStacks({ azure, node }: Bench): Promise<readonly Stack[]> {
  const forget = async (): Promise<void> => {}
  const argv = [node, BIN]
  const machine = machineWithAz(azure)
  const stacks: Stack[] = [{ name: 'this program', machine, argv, env: {}, forget }]
  if (await knowsAgent(node, machine)) {
    const other = machineWithAz(azure)
    const stop = async (): Promise<void> => {
      await runProgram(node, [BIN, 'agent', 'stop'], { ...other.env, ...AGENT })
    }
    stacks.push({ name: 'this program, agent', machine: other, argv, env: AGENT, forget: stop })
  }
  const installed = clientPath('python-nofuss')
  if (installed !== undefined) {
    stacks.push({ name: 'Python', machine: machineWithAzForPython(azure), argv: [installed], env: {}, forget })
  }
  return stacks
}

/** Puts a `keyring` on the machine that is this stack's, and logs each start. */
export function installKeyring({ machine, argv }: Stack): void {
  const lines = [...logLines('keyring', machine.log), `exec ${argv.map(quote).join(' ')} "$@"`]
  writeScript(join(machine.programs, 'keyring'), lines)
}

/** The least a `keyring` can cost: a shell script that prints what it was made with. */
export function scriptStack({ azure }: Bench): Stack {
  const machine = machineWithAz(azure)
  const password = azure.tokens.mintSessionToken({ organization: 'contoso', scope: 'vso.packaging' })
  const path = writeScript(join(machine.programs, 'printed'), [
    'case "$*" in',
    `  *--output=json*) printf '{"username": "me", "password": "%s"}\\n' ${quote(password)} ;;`,
    `  *--mode*creds*) printf 'me\\n%s\\n' ${quote(password)} ;;`,
    `  *) printf '%s\\n' ${quote(password)} ;;`,
    'esac',
  ])
  return { name: 'a script that only prints', machine, argv: [path], env: {}, forget: async () => {} }
}
