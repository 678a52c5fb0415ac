import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The pyproject.toml of a project that Poetry installs the package into, from a source called `feed`. */
export function poetryProject(index: string): string {
  return `[project]
name = "app"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["private-package"]

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "feed"
url = "${index}"
`
}

/** Has Poetry make its environment where uv does. */
export const POETRY_IN_PROJECT = { POETRY_VIRTUALENVS_IN_PROJECT: '1' }

/** Whether a folder has the package among its modules. */
export function hasPackage(modules: string): boolean {
  return existsSync(join(modules, 'private_package', '__init__.py'))
}

/** Whether the environment of a project has the package. */
export function projectHasPackage(project: string): boolean {
  const lib = join(project, '.venv', 'lib')
  const pythons = existsSync(lib) ? readdirSync(lib) : []
  return pythons.some((python) => hasPackage(join(lib, python, 'site-packages')))
}
