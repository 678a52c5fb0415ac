// Writes the two bills of materials of what is built (`npm run sbom`; `npm run build` does too).
import { script } from './run.ts'
import { writeBills } from './write-bills.ts'

await script('sbom', async () => {
  for (const path of await writeBills()) process.stdout.write(`${path}\n`)
})
