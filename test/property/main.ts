// Every property test with a hundred times the cases and a new seed. What fails says how to repeat it.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const UNIT = fileURLToPath(new URL('../unit', import.meta.url))
const files = readdirSync(UNIT).filter((name) => /^property-.*\.test\.ts$/.test(name))
const seed = process.env['PROPERTY_SEED'] ?? String(Math.floor(Math.random() * 2 ** 32))
const cases = process.env['PROPERTY_CASES'] ?? '2000000'
process.stdout.write(`PROPERTY_SEED=${seed} PROPERTY_CASES=${cases}\n`)
const { status } = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-concurrency=2', ...files.map((name) => join(UNIT, name))],
  { stdio: 'inherit', env: { ...process.env, PROPERTY_SEED: seed, PROPERTY_CASES: cases } },
)
process.exitCode = status ?? 1
