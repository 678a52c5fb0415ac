// Runs the tests that need no Unix (`npm run test:portable`): those of the modules, in one fake world or
// another. The rest start shell scripts in the place of az, pip and others.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.ts'

/** Of the unit tests, those that start shell scripts too. */
const unix = ['stand-in-programs.test.ts']

const folder = join(root, 'test', 'unit')
const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'))
const chosen = files.filter((name) => process.platform !== 'win32' || !unix.includes(name))
const args = ['--import', 'tsx', '--test', '--test-timeout=180000', ...chosen.map((name) => join(folder, name))]
spawn(process.execPath, args, { cwd: root, stdio: 'inherit' }).on('close', (status) => process.exit(status ?? 1))
