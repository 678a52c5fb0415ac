// Runs the test files that are named in the arguments in this one process.
import { pathToFileURL } from 'node:url'

for (const path of process.argv.slice(2)) await import(pathToFileURL(path).href)
