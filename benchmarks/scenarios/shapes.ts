import type { EchoShape } from '../e2e/load/echo.js'

/** The three ways in which people use echo servers to compare libraries. */
export const shapes = {
  A: { connections: 100, size: 64, inFlight: 1 },
  B: { connections: 200, size: 4198, inFlight: 8 },
  C: { connections: 50, size: 32, inFlight: 500 },
} as const satisfies Record<string, EchoShape>

/** For a moment, few connections do. */
export const quickly = (shape: EchoShape): EchoShape => ({
  ...shape,
  connections: Math.min(shape.connections, 10),
})
