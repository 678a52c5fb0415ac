// Writes the generated parts of .github/AUDIT.md (`npm run audit`).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditTables, fillMarkers } from './audit-tables.ts'
import { root, script } from './run.ts'
import { readingOrder } from './sources.ts'

const path = join(root, '.github', 'AUDIT.md')

await script('audit', async () => {
  const before = readFileSync(path, 'utf8')
  const after = fillMarkers(before, auditTables(readingOrder()))
  writeFileSync(path, after)
  process.stdout.write(`.github/AUDIT.md: ${before === after ? 'was up to date' : 'written'}\n`)
})
