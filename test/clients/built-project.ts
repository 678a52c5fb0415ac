import { join } from 'node:path'
import { makeWheel } from '../azure/wheel.ts'
import type { FeedUser } from './feed-user.ts'

/** The wheel of a project that can only be built where a package of the feed is installed. */
export const BUILT = makeWheel({ project: 'app', module: '' })

const PYPROJECT = `[build-system]
requires = ["private-package"]
build-backend = "backend"
backend-path = ["."]

[project]
name = "app"
version = "1.0"
`

// A backend of its own: no other package is needed, which the feed does not have.
const BACKEND = `import shutil
import private_package

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    shutil.copy('${BUILT.name}', wheel_directory)
    return '${BUILT.name}'
`

/** Writes the project that `BUILT` is built of. Returns its folder. */
export function writeProject(user: FeedUser): string {
  user.file('project/pyproject.toml', PYPROJECT)
  user.file('project/backend.py', BACKEND)
  user.file(`project/${BUILT.name}`, BUILT.content)
  return join(user.machine.home, 'project')
}
