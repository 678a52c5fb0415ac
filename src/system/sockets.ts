/** What is at a path; links are not followed. */
export interface Inode {
  readonly kind: 'folder' | 'socket' | 'other'
  /** User ID. */
  readonly owner: number
  /** The twelve permission bits (POSIX `st_mode`). */
  readonly mode: number
}

/** A connection over a Unix socket that carries lines of text, each of at most 100,000 characters. */
export interface LineConnection {
  /**
   * The next line; undefined when none comes within that time (of a busy machine more) or the other
   * side has gone.
   */
  readonly read: (ms: number) => Promise<string | undefined>
  readonly write: (line: string) => void
  /** Ends it when everything is written. */
  readonly close: () => void
}

/** A Unix socket that we listen on. It is removed when the process ends, by a signal too. */
export interface Listener {
  /** Whether the socket at its path still is this one. */
  readonly isInPlace: () => boolean
  readonly close: () => void
}

/** Unix sockets. */
export interface Sockets {
  /** A connection, or the code of the error: `ECONNREFUSED` where nobody listens any more. */
  readonly connect: (path: string) => Promise<LineConnection | string>
  /**
   * Listens on a socket of the user's own (0600), also in the place of one that a dead process left;
   * undefined when somebody listens there already or it cannot be made.
   */
  readonly listen: (path: string, accept: (caller: LineConnection) => void) => Promise<Listener | undefined>
}
