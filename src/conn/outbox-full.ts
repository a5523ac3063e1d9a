import { ProtocolError } from '../errors.js'

/** More waits for a slow peer than may. */
export const outboxFull = (bytes: number, limit: number): ProtocolError =>
  full(
    `Cannot send: ${bytes} bytes wait to go out, maxOutboxBytes is ${limit}`,
    'maxOutboxBytes',
    bytes,
    limit,
  )

/** The same for a broadcast that does not wait for those who are slow. */
export const tooSlow = (bytes: number, limit: number): ProtocolError =>
  full(
    `Cannot broadcast to a slow peer: ${bytes} bytes wait to go out, highWaterMark is ${limit}, slow is 'close'`,
    'highWaterMark',
    bytes,
    limit,
  )

const full = (message: string, option: string, value: number, limit: number): ProtocolError =>
  new ProtocolError('WS_ERR_OUTBOX_FULL', 1013, message, { breach: { option, limit, value } })
