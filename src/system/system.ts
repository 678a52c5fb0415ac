import type { Inode, Sockets } from './sockets.ts'

/** What is asked of a server. The names are those of `fetch`'s RequestInit. */
export interface FetchInit {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Always `manual`: a redirect is an answer here, never followed. */
  readonly redirect: 'manual'
  readonly signal: AbortSignal
  /** Never through a proxy. For identity endpoints on the machine itself. */
  readonly direct?: boolean
  /** The SHA-1 of the server's certificate, in place of an authority's word for it. */
  readonly pinnedSha1?: string
}

/** What is read of an answer. `fetch`'s Response has this shape. */
export interface FetchResponse {
  readonly status: number
  /** Repeated header lines are joined with a comma (RFC 9110 §5.3). */
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
}

/** The one way to the network: the call shape of the platform's `fetch`, which fits here. */
export interface Fetch {
  (url: string, init: FetchInit): Promise<FetchResponse>
  /** Opens the connection that the next request to this host will use. Nothing is sent over it before. */
  readonly connect?: (url: string) => void
}

/** A program to run: argv only, never a shell. */
export interface Command {
  /** Absolute path. */
  readonly program: string
  readonly args: readonly string[]
  /** Variables beside those of this process; `undefined` takes one away. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
  /** Most bytes that are read of each of stdout and stderr. */
  readonly limit: number
}

/** How a program ended. Output is UTF-8, with U+FFFD for what is not. */
export type CommandResult =
  | { readonly ended: 'exit'; readonly status: number; readonly stdout: string; readonly stderr: string }
  | { readonly ended: 'not-started' | 'timeout' | 'too-much-output' | 'signal' }

/** Why a file could not be read. */
export type FileProblem = 'missing' | 'unreadable' | 'not a regular file' | 'too large' | 'not UTF-8'

/** The text of a file, or why there is none. */
export type FileText = { readonly text: string } | { readonly problem: FileProblem }

/**
 * Everything outside this program: variables, clock, disk, programs, network, standard streams.
 * `node.ts` is its only real implementation.
 */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether ARTIFACTS_KEYRING_NOFUSS_DEBUG is on. */
  readonly showsDebug: boolean
  /** What ARTIFACTS_KEYRING_NOFUSS_LOG names. */
  readonly logFile: string | undefined
  readonly platform: string
  readonly pid: number
  /** The Node that runs this: `v20.0.0`, and the absolute path of its executable. */
  readonly node: { readonly version: string; readonly path: string }
  /** The effective user ID; undefined on Windows. */
  readonly uid: number | undefined
  /** The user's home folder by the operating system, where the variables do not say. */
  readonly home: () => string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** When this process started, in milliseconds since 1970. */
  readonly startedAt: number
  /** A random UUID (RFC 9562 §5.4). */
  readonly uuid: () => string
  /** At least 0, below 1. */
  readonly random: () => number
  /** Ends early, without an error, when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Limits a wait: calls `expired` after that time, unless what it returns is called before. */
  readonly limit: (ms: number, expired: () => void) => () => void
  /**
   * A regular file as UTF-8 without its byte order mark; what is not UTF-8 is a problem, or with
   * `lenient` becomes U+FFFD. Never waits on a FIFO or a device.
   */
  readonly readFile: (path: string, limit: number, decoding?: 'strict' | 'lenient') => FileText
  /** Appends to a file of the user's own (0600); says whether that worked. */
  readonly appendFile: (path: string, text: string) => boolean
  /** Makes a file that must not exist yet, with its folders. */
  readonly createFile: (path: string, text: string) => Promise<'created' | 'exists' | 'failed'>
  /** Puts a file of the user's own (0600) in the place of another at once, never through a link. */
  readonly replaceFile: (path: string, text: string) => Promise<'written' | 'link' | 'failed'>
  readonly isExecutable: (path: string) => boolean
  /** Whether a path leads, through links, to the file that was started. */
  readonly isThisProgram: (path: string) => boolean
  readonly inspect: (path: string) => Inode | undefined
  /** Makes a folder of the user's own (0700), unless there is something already. */
  readonly makeFolder: (path: string) => Promise<void>
  readonly sockets: () => Promise<Sockets>
  readonly run: (command: Command, signal: AbortSignal) => Promise<CommandResult>
  /**
   * Runs a command with our standard streams and these variables beside ours, and passes signals on;
   * `undefined` takes a variable away. Gives its exit status, 128 and the signal's number, or undefined when it could not be started.
   */
  readonly execute: (
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
  ) => Promise<number | undefined>
  /**
   * Starts this program anew with only these variables, apart from us: it has no streams and outlives
   * us. Gives a function that says whether it has ended, as far as that is known.
   */
  readonly startApart: (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<() => boolean>
  readonly fetch: Fetch
  /** Reads standard input to its end and forgets it; does not wait for a person to type. */
  readonly drainInput: (signal: AbortSignal) => Promise<void>
  /** Writes everything, or says that it could not. */
  readonly writeOut: (text: string) => boolean
  readonly writeErr: (text: string) => void
  /** Whether what `writeOut` writes is read on a terminal. */
  readonly outIsTerminal: () => Promise<boolean>
  /** Whether stderr is a terminal. */
  readonly stderrIsTerminal: () => Promise<boolean>
  /** Writes to the terminal that this process belongs to, if there is one, and never waits for it. */
  readonly writeTerminal: (text: string) => Promise<void>
}

/** The outside world as one call sees it: a parameter of every function that needs it. */
export interface System extends World {
  /** Aborted when the time of the call is over. */
  readonly signal: AbortSignal
  /** When the call's time is over, in milliseconds since 1970. */
  readonly endsAt: number
}
