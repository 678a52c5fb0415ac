// Writes packed-files.txt, the list of what the package holds (`npm run packed`, after a build).
import { writeFileSync } from 'node:fs'
import { packedFiles, packedListPath } from './packed-files.ts'
import { script } from './run.ts'

await script('packed', async () => {
  writeFileSync(packedListPath, `${packedFiles().join('\n')}\n`)
  process.stdout.write(`${packedFiles().length} files\n`)
})
