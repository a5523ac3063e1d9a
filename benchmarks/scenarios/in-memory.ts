// E: frames taken apart and put together without any socket.
import { ALL_ROWS, measureInMemory } from '../in-memory/measure.js'
import { tableRows } from '../in-memory/rows.js'
import type { Goal } from '../results.js'
import type { Scenario } from './scenario.js'

const against = (text: string, ours: string, theirs: string, limit: number): Goal => ({
  text,
  ours: { subject: ours, variant: ALL_ROWS, metric: 'nsPerMessage' },
  theirs: { subject: theirs, variant: ALL_ROWS, metric: 'nsPerMessage' },
  limit,
})

const nothing = (text: string, subject: string, metric: string): Goal => ({
  text,
  ours: { subject, variant: ALL_ROWS, metric },
  limit: 0,
})

export const inMemory: Scenario = {
  id: 'E',
  title: 'Frames in memory',
  shape:
    'frames of 64 B, read and written without a socket; the rows are those of the table of fastws for Go',
  goals: [
    against('Time to decode, FrameDecoder / Receiver', 'decoder', 'receiver', 0.2),
    against('Time to decode, conn.nextFrame() / Receiver', 'nextFrame', 'receiver', 0.5),
    against('Time to encode, encodeFrameInto() / Sender', 'encoder', 'sender', 0.5),
    nothing('Bytes per message, decoding', 'decoder', 'bytesPerMessage'),
    nothing('Bytes per message, encoding', 'encoder', 'bytesPerMessage'),
    nothing('Collections of garbage, decoding', 'decoder', 'collections'),
    nothing('Collections of garbage, encoding', 'encoder', 'collections'),
  ],
  measure: (extent) =>
    measureInMemory(tableRows, ['decoder', 'receiver', 'nextFrame', 'encoder', 'sender'], extent, {
      countsMemory: true,
      aside: ['encoderWithMemory'],
    }),
}
