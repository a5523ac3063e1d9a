import type { Role } from '../../../frame/index.js'
import type { Case, Group } from '../case.js'
import { closingGroups, otherGroups } from './closing.js'
import { compressionGroups } from './compression.js'
import { fragmentationGroups } from './fragmentation.js'
import { framingGroups } from './framing.js'
import { clientHandshakeGroups } from './handshake-client.js'
import { serverHandshakeGroups } from './handshake-server.js'
import { limitGroups } from './limits.js'
import { performanceGroups } from './performance.js'
import { tcpGroups } from './tcp.js'
import { utf8Groups } from './utf8.js'

/** Every group, in the order in which they are shown and numbered. */
export const GROUPS: readonly Group[] = [
  ...framingGroups,
  ...fragmentationGroups,
  ...utf8Groups,
  ...closingGroups,
  ...performanceGroups,
  ...otherGroups,
  ...compressionGroups,
  ...serverHandshakeGroups,
  ...clientHandshakeGroups,
  ...limitGroups,
  ...tcpGroups,
]

/** The cases that test a server, or a client. */
export const casesFor = (tested: Role): readonly Case[] =>
  GROUPS.flatMap(({ cases }) => cases).filter(({ tests }) => tests === undefined || tests === tested)
