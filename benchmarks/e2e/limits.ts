// How many connections this machine allows.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Files that a process opens besides its connections. */
const OTHER_FILES = 100

/** Why so many connections cannot be opened here; undefined when they can. */
export function whyTooMany(connections: number): string | undefined {
  const limit = openFileLimit()
  if (limit >= connections + OTHER_FILES) return undefined
  return `${connections} connections need as many open files, and the limit is ${limit} (ulimit -Hn)`
}

/** Node raises the soft limit to the hard one when it starts. */
function openFileLimit(): number {
  if (process.platform === 'win32') return Number.POSITIVE_INFINITY
  const text = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)
}

/**
 * Addresses to come from when one has not enough ports for so many connections; none when it has. All of 127.0.0.0/8
 * is this machine, on Linux at least.
 */
export function addressesFor(connections: number): string[] {
  const perAddress = Math.floor(ephemeralPorts() * 0.8)
  if (connections <= perAddress) return []
  return Array.from({ length: Math.ceil(connections / perAddress) }, (_, i) => `127.0.0.${i + 2}`)
}

/** What IANA sets aside, where the system does not tell. */
const DYNAMIC_PORTS = 16_384

function ephemeralPorts(): number {
  try {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)
    return Number(high) - Number(low) + 1
  } catch {
    return DYNAMIC_PORTS
  }
}
