/** One read takes at most this much. */
const READ_SIZE = 64 << 10

/** What all connections are read into, one after the other: whoever is told of bytes is done with them when it returns. */
export const sharedMemory = Buffer.allocUnsafeSlow(READ_SIZE)
