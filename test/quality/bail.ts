// A reporter of node:test that ends the process with the first test that fails. With `names`, it prints
// the name of every test instead.
interface TestEvent {
  readonly type: string
  readonly data: { readonly name?: string; readonly nesting?: number }
}

/** Gives the process status 1 at once when a test fails. */
export default async function* bail(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type === 'test:fail') process.exit(1)
    if (type === 'test:pass' && data.nesting === 0 && process.argv.includes('names')) yield `${JSON.stringify(data.name)}\n`
  }
}
