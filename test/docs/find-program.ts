import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where programs of the system lie that are not in everybody's path. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin']

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The whole path of a program, if it is there. */
export function pathOf(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FOLDERS]
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

/** For `describe()`: these tests need a program, and install none. */
export function withProgram(name: string): { readonly skip: string | false; readonly timeout: number } {
  return {
    skip: pathOf(name) === undefined && `there is no ${name}: install Debian's`,
    timeout: 60_000,
  }
}
