// The compiled program has this of its main file, which is not loaded where tests call its modules themselves.
globalThis.__importStar = (module) => module
