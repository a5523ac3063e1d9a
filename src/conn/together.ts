import { markAsUntransferable } from 'node:worker_threads'
import type { FrameDecoder } from '../frame/decoder.js'

/**
 * Several messages or frames lie in this memory: who transfers one to a worker must not take it from the others. Node 20
 * copies it then, later ones throw DataCloneError, as with Node's own pool. Up to Node 22 streams of bytes take it along
 * nevertheless: who sends what lay there gets an error then.
 */
export function holdTogether(memory: Buffer): Buffer {
  markAsUntransferable(memory.buffer)
  return memory
}

/** Gives bytes to a decoder, which joins them to those that were left, if any were. */
export function appendTo(decoder: FrameDecoder, memory: Buffer, start: number, end: number): void {
  decoder.append(memory, start, end)
  if (decoder.chunk !== memory) holdTogether(decoder.chunk)
}
