// `npm run bench:chart FILE [SVG]`: draws a run that `npm run bench -- --json FILE` has kept.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseRun } from './record.ts'
import { draw } from './svg.ts'

const [file, svg = file?.replace(/(\.json)?$/, '.svg'), ...more] = process.argv.slice(2)
if (file === undefined || svg === undefined || more.length > 0) {
  process.stderr.write('usage: npm run bench:chart -- FILE [SVG]\n')
  process.exit(2)
}
try {
  writeFileSync(svg, draw(parseRun(readFileSync(file, 'utf8'))))
  process.stdout.write(`wrote ${svg}\n`)
} catch (error) {
  process.stderr.write(`bench:chart: ${file}: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
