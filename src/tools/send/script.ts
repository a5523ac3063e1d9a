/** What a script for `fastws send` consists of, once it has been parsed. */
import type { Frame } from '../../frame/index.js'

/** Where something stands in a script; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A script that cannot be read. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  readonly position: Position

  constructor(position: Position, message: string) {
    super(message)
    this.position = position
  }
}

/** What has to be true of a frame; only what is there is compared. */
export interface FrameExpectation {
  readonly opcode?: number | undefined
  readonly fin?: boolean | undefined
  /** As three bits, RSV1 the highest; `mask` says which of them are compared. */
  readonly rsv?: { readonly bits: number; readonly mask: number } | undefined
  readonly masked?: boolean | undefined
  readonly length?: number | undefined
  readonly payload?: Buffer | undefined
  /** Of Close: any of these; 1005 stands for a Close frame without a code. */
  readonly codes?: readonly number[] | undefined
  readonly reason?: Buffer | undefined
}

export type Expectation =
  | ({ readonly what: 'frame' } & FrameExpectation)
  | { readonly what: 'message'; readonly isText?: boolean | undefined; readonly data?: Buffer | undefined }
  | { readonly what: 'end' }
  | { readonly what: 'nothing'; readonly milliseconds: number }

export type Statement =
  | {
      readonly do: 'frame'
      readonly frame: Frame
      /** Every sending takes a masking key of its own. */
      readonly takesKey: boolean
    }
  | { readonly do: 'raw'; readonly bytes: Buffer }
  | { readonly do: 'wait'; readonly milliseconds: number }
  | {
      readonly do: 'expect'
      readonly expected: Expectation
      readonly within: number | undefined
      readonly position: Position
      /** As it is written in the script. */
      readonly text: string
    }
  | { readonly do: 'repeat'; readonly count: number; readonly body: readonly Statement[] }
  | { readonly do: 'together'; readonly body: readonly Statement[] }
  /** What follows is written in pieces of so many bytes; undefined writes frame by frame. */
  | { readonly do: 'pieces'; readonly size: number | undefined }
  | { readonly do: 'fin' | 'reset' }

export type Script = readonly Statement[]
