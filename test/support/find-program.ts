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

/** The whole path of the first of these programs that is there. */
export function pathOf(...names: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FOLDERS]
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)
}
