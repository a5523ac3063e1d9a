// The files of the page: those in public/ and no others.
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Compiled, this file lies in dist/examples/demo/; what needs no compiler stays where it is written. */
const folder = new URL('../../../examples/demo/public/', import.meta.url)
const names = new Set(readdirSync(folder))

const HEADERS = {
  'Cache-Control': 'no-cache',
  'X-Content-Type-Options': 'nosniff',
  // No script but ours, no connection but back here; and a text of a stranger can never become markup.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
}

export function sendFile(request: IncomingMessage, response: ServerResponse) {
  const path = (request.url ?? '/').split('?', 1)[0]?.slice(1)
  const name = path === '' ? 'index.html' : path
  if (name === undefined || !names.has(name)) return response.writeHead(404).end('There is no such page\n')
  response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES[extname(name)] })
  return response.end(readFileSync(new URL(name, folder)))
}
