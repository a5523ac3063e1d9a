// Who is measured.
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { peerVersion, root } from '../root.js'

export interface Subject {
  /** As on the command line and in the results. */
  readonly name: string
  /** For people. */
  readonly label: string
  /** The program below `servers/`. */
  readonly script: string
  readonly runtime: 'node' | 'bun' | 'deno'
  readonly env?: Readonly<Record<string, string>>
  /** The package it needs. */
  readonly needs?: string
  /** Speaks no WebSocket: what is sent comes back as it is. */
  readonly raw?: boolean
}

const all: readonly Subject[] = [
  { name: 'events', label: 'fastws, events', script: 'fastws-events.js', runtime: 'node' },
  { name: 'await', label: 'fastws, for await', script: 'fastws-await.js', runtime: 'node' },
  {
    name: 'portable',
    label: 'fastws, events, portable',
    script: 'fastws-events.js',
    runtime: 'node',
    env: { FASTWS_PORTABLE: '1' },
  },
  { name: 'ws', label: 'ws', script: 'ws.js', runtime: 'node', needs: 'ws' },
  {
    name: 'ws-js',
    label: 'ws without bufferutil',
    script: 'ws.js',
    runtime: 'node',
    needs: 'ws',
    env: { WS_NO_BUFFER_UTIL: '1' },
  },
  { name: 'websocket', label: 'websocket', script: 'websocket.js', runtime: 'node', needs: 'websocket' },
  { name: 'net', label: 'plain net, no WebSocket', script: 'net.js', runtime: 'node', raw: true },
  {
    name: 'bare',
    label: "Node's HTTP server and sockets, no WebSocket",
    script: 'bare.js',
    runtime: 'node',
  },
  { name: 'bun', label: 'Bun', script: 'bun.js', runtime: 'bun', needs: 'bun' },
  { name: 'deno', label: 'Deno', script: 'deno.js', runtime: 'deno', needs: 'deno' },
]

export const subjects: ReadonlyMap<string, Subject> = new Map(all.map((one) => [one.name, one]))

export function subjectOf(name: string): Subject {
  const subject = subjects.get(name)
  if (subject === undefined)
    throw new Error(`Nobody is called ${name}; known are ${[...subjects.keys()].join(', ')}`)
  return subject
}

/** The program that runs a subject. */
export const programOf = ({ runtime }: Subject): string =>
  runtime === 'node' ? process.execPath : join(root, 'benchmarks/node_modules/.bin', runtime)

const verdicts = new Map<string, string | undefined>()

/** Why a subject cannot be measured here; undefined when it can. */
export function whyMissing(subject: Subject): string | undefined {
  if (!verdicts.has(subject.name)) verdicts.set(subject.name, look(subject))
  return verdicts.get(subject.name)
}

function look(subject: Subject): string | undefined {
  const { needs, runtime } = subject
  if (needs === undefined) return undefined
  if (peerVersion(needs) === undefined) return `${needs} is not installed (npm run bench:install)`
  if (runtime === 'node') return undefined
  if (process.platform !== 'linux')
    return `${needs} tells its processor time through /proc, which is not there`
  try {
    execFileSync(programOf(subject), ['--version'], { stdio: 'ignore', timeout: 20_000 })
    return undefined
  } catch {
    return `the program of ${needs} does not run here`
  }
}

/** Versions of everything that may be measured against; undefined for what is not installed. */
export function peerVersions(): Record<string, string | undefined> {
  const names = ['ws', 'websocket', 'bun', 'deno']
  const versions = Object.fromEntries(names.map((name) => [name, peerVersion(name)]))
  return { ...versions, bufferutil: bufferutilOfWs() }
}

/** The bufferutil that ws finds, which is what makes it fast. */
function bufferutilOfWs(): string | undefined {
  try {
    const ws = createRequire(join(root, 'benchmarks/package.json')).resolve('ws')
    return peerVersion('bufferutil', createRequire(ws))
  } catch {
    return undefined
  }
}
