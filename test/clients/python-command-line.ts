import { runProgram } from '../flow/program.ts'

/** What a command line came to. */
export interface Answer {
  readonly status: number
  readonly stdout: string
}

/** What Python keyring said to all of them. */
export interface PythonAnswers {
  /** Such as `[3, 11, 7]`. */
  readonly version: readonly number[]
  readonly answers: readonly (Answer & { readonly stderr: string })[]
}

/**
 * Python keyring's own command line in one process, with one backend that knows a password, `p`, for
 * what belongs to Azure Artifacts. Each call starts as a process would: no backend chosen, no file written.
 */
const BATCH = `
import contextlib, io, json, os, sys, traceback
from pathlib import Path
import keyring.core
from keyring import cli
from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential

class Fixed(KeyringBackend):
    priority = 9.9
    def get_password(self, service, username):
        return 'p' if 'pkgs.dev.azure.com' in service else None
    def get_credential(self, service, username):
        password = self.get_password(service, username)
        return password and SimpleCredential(username or 'VssSessionToken', password)
    def set_password(self, service, username, password):
        raise NotImplementedError()

def call(argv):
    keyring.core.set_keyring(Fixed())
    out, err = io.TextIOWrapper(io.BytesIO(), 'utf-8', newline=''), io.StringIO()
    sys.stdin, path = io.StringIO('password\\n'), list(sys.path)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = cli.main(argv) or 0
        except SystemExit as end:
            status = end.code or 0
        except Exception:
            traceback.print_exc()
            status = 1
    sys.path[:] = path
    keyring.core._config_path().unlink(missing_ok=True)
    out.flush()
    return {'status': status, 'stdout': out.buffer.getvalue().decode(), 'stderr': err.getvalue()}

argvs = json.load(sys.stdin)
sys.argv = ['keyring']
answers = [call(argv) for argv in argvs]
json.dump({'version': list(sys.version_info[:3]), 'answers': answers}, sys.stdout)
`

/** Asks the Python keyring of this Python, in a home of its own. */
export async function askPython(
  python: string,
  argvs: readonly (readonly string[])[],
  env: Readonly<Record<string, string>>,
): Promise<PythonAnswers> {
  const ended = await runProgram(python, ['-c', BATCH], { ...env, PYTHONUTF8: '1' }, { input: JSON.stringify(argvs) })
  if (ended.status !== 0) throw new Error(`python failed: ${ended.stderr.slice(-2000)}`)
  return JSON.parse(ended.stdout) as PythonAnswers
}
