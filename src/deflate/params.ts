import type { ExtensionParams } from '../protocol/extension.js'

/** The token of the extension (RFC 7692 §7). */
export const NAME = 'permessage-deflate'

/** The largest LZ77 window there is, 2^15 bytes: what holds where no other was agreed on (§7.1.2). */
export const MAX_WINDOW_BITS = 15
export const MIN_WINDOW_BITS = 8

/** What this side asks for, or allows. */
export interface ParamSettings {
  /** Undefined: a server asks for it, a client does not. */
  readonly serverNoContextTakeover: boolean | undefined
  readonly clientNoContextTakeover: boolean | undefined
  readonly serverMaxWindowBits: number
  readonly clientMaxWindowBits: number
}

/** One direction of a connection: how far back what is sent may refer, and whether to earlier messages, too. */
export interface Direction {
  readonly windowBits: number
  readonly takesOver: boolean
}

/** What both sides have agreed on. */
export interface Agreement {
  readonly server: Direction
  readonly client: Direction
}

/** The parameters as they were read. */
interface Parsed {
  serverNoContextTakeover: boolean
  clientNoContextTakeover: boolean
  serverMaxWindowBits: number | undefined
  /** Without a value it only says that the sender knows of it. */
  clientMaxWindowBits: number | 'known' | undefined
}

/** The offer of a client (§7.1). That it knows `client_max_window_bits` is always said: servers may only then use it. */
export function makeOffer(settings: ParamSettings): ExtensionParams {
  const params: [string, string | undefined][] = []
  if (settings.serverNoContextTakeover === true) params.push(['server_no_context_takeover', undefined])
  if (settings.clientNoContextTakeover === true) params.push(['client_no_context_takeover', undefined])
  if (settings.serverMaxWindowBits < MAX_WINDOW_BITS)
    params.push(['server_max_window_bits', String(settings.serverMaxWindowBits)])
  const own = settings.clientMaxWindowBits
  params.push(['client_max_window_bits', own < MAX_WINDOW_BITS ? String(own) : undefined])
  return params
}

/**
 * The answer of a server to one offer; undefined declines it: because it cannot be read (§7.1: "unknown", doubled or
 * invalid parameters), or because the client cannot keep to the window that is asked for.
 */
export function answerOffer(offer: ExtensionParams, settings: ParamSettings): ExtensionParams | undefined {
  const offered = parse(offer)
  if (typeof offered === 'string') return undefined
  const clientBits = answerClientBits(offered.clientMaxWindowBits, settings.clientMaxWindowBits)
  if (clientBits === undefined) return undefined
  const serverBits = Math.min(offered.serverMaxWindowBits ?? MAX_WINDOW_BITS, settings.serverMaxWindowBits)
  const params: [string, string | undefined][] = []
  if (offered.serverNoContextTakeover || settings.serverNoContextTakeover !== false)
    params.push(['server_no_context_takeover', undefined])
  if (offered.clientNoContextTakeover || settings.clientNoContextTakeover !== false)
    params.push(['client_no_context_takeover', undefined])
  // An offer with it is accepted by an answer with it (§7.1.2.1).
  if (offered.serverMaxWindowBits !== undefined || serverBits < MAX_WINDOW_BITS)
    params.push(['server_max_window_bits', String(serverBits)])
  if (clientBits < MAX_WINDOW_BITS) params.push(['client_max_window_bits', String(clientBits)])
  return params
}

/** A client that does not name the parameter cannot be asked to keep to it (§7.1.2.2). */
function answerClientBits(offered: Parsed['clientMaxWindowBits'], ours: number): number | undefined {
  if (offered === undefined) return ours < MAX_WINDOW_BITS ? undefined : MAX_WINDOW_BITS
  return offered === 'known' ? ours : Math.min(offered, ours)
}

/** What a server's own answer comes to. */
export function agreementOf(answer: ExtensionParams): Agreement | string {
  const parsed = parse(answer)
  if (typeof parsed === 'string') return parsed
  const clientBits = parsed.clientMaxWindowBits ?? MAX_WINDOW_BITS
  if (clientBits === 'known') return 'client_max_window_bits has no value (RFC 7692 §7.1.2.2)'
  return {
    server: {
      windowBits: parsed.serverMaxWindowBits ?? MAX_WINDOW_BITS,
      takesOver: !parsed.serverNoContextTakeover,
    },
    client: { windowBits: clientBits, takesOver: !parsed.clientNoContextTakeover },
  }
}

/** What a server's answer to our offer comes to; a text that says what is wrong with it. */
export function checkAnswer(answer: ExtensionParams, settings: ParamSettings): Agreement | string {
  const agreement = agreementOf(answer)
  if (typeof agreement === 'string') return agreement
  const { server, client } = agreement
  if (settings.serverNoContextTakeover === true && server.takesOver)
    return 'server_no_context_takeover was asked for and is not in the answer (RFC 7692 §7.1.1.1)'
  if (server.windowBits > settings.serverMaxWindowBits)
    return `server_max_window_bits is ${server.windowBits}, ${settings.serverMaxWindowBits} was asked for`
  const own = settings.clientMaxWindowBits
  if (client.windowBits > own && answer.some(([name]) => name === 'client_max_window_bits'))
    return `client_max_window_bits is ${client.windowBits}, ${own} was offered`
  // What we have offered to keep to holds, whether the server has answered it or not.
  const windowBits = Math.min(client.windowBits, own)
  return { server, client: { windowBits, takesOver: client.takesOver && !settings.clientNoContextTakeover } }
}

/** Reads the parameters of an offer or of an answer; a text that says what is wrong with them. */
function parse(params: ExtensionParams): Parsed | string {
  const parsed: Parsed = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  }
  const seen = new Set<string>()
  for (const [name, value] of params) {
    if (seen.has(name)) return `${name} is there twice (RFC 7692 §7.1)`
    seen.add(name)
    const problem = parseOne(parsed, name, value)
    if (problem !== undefined) return problem
  }
  return parsed
}

function parseOne(parsed: Parsed, name: string, value: string | undefined): string | undefined {
  switch (name) {
    case 'server_no_context_takeover':
      parsed.serverNoContextTakeover = true
      return value === undefined ? undefined : `${name} has a value (RFC 7692 §7.1.1)`
    case 'client_no_context_takeover':
      parsed.clientNoContextTakeover = true
      return value === undefined ? undefined : `${name} has a value (RFC 7692 §7.1.1)`
    case 'server_max_window_bits':
      parsed.serverMaxWindowBits = windowBits(value)
      return parsed.serverMaxWindowBits === undefined ? notWindowBits(name) : undefined
    case 'client_max_window_bits':
      parsed.clientMaxWindowBits = value === undefined ? 'known' : windowBits(value)
      return parsed.clientMaxWindowBits === undefined ? notWindowBits(name) : undefined
    default:
      return 'there is a parameter that RFC 7692 does not know'
  }
}

const notWindowBits = (name: string): string =>
  `${name} is no number from ${MIN_WINDOW_BITS} to ${MAX_WINDOW_BITS} (RFC 7692 §7.1.2)`

/** A decimal integer without leading zeros (§7.1.2). */
function windowBits(value: string | undefined): number | undefined {
  const bits = Number(value)
  return String(bits) === value &&
    Number.isInteger(bits) &&
    bits >= MIN_WINDOW_BITS &&
    bits <= MAX_WINDOW_BITS
    ? bits
    : undefined
}
