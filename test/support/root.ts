import { fileURLToPath } from 'node:url'

/** The folder of the repository, with a slash at its end. Compiled tests lie in `dist/test/`. */
export const root = fileURLToPath(new URL('../../../', import.meta.url))
