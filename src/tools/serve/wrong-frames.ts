/** Frames that no peer may take, each wrong in one way (RFC 6455 §5). */
import { encodeClosePayload, Frame, type FrameInit, Opcode } from '../../frame/index.js'

export interface WrongFrame {
  readonly name: string
  readonly make: () => Frame
}

const wrong = (name: string, init: FrameInit, change?: (frame: Frame) => void): WrongFrame => ({
  name,
  make() {
    const frame = new Frame(init)
    change?.(frame)
    return frame
  },
})

const text = (init: FrameInit = {}): FrameInit => ({ opcode: Opcode.Text, payload: 'chaos', ...init })

export const WRONG_FRAMES: readonly WrongFrame[] = [
  wrong('RSV2 set', text({ rsv2: true })),
  wrong('RSV3 set', text({ rsv3: true })),
  wrong('masked by a server', text({ masked: true, maskKey: 0x37fa213d })),
  wrong('reserved opcode 3', text({ opcode: 3 })),
  wrong('reserved opcode 11', text({ opcode: 11 })),
  wrong('continuation of nothing', text({ opcode: Opcode.Continuation })),
  wrong('ping in fragments', text({ opcode: Opcode.Ping, fin: false })),
  wrong('ping of 126 bytes', { opcode: Opcode.Ping, payload: 'p'.repeat(126) }),
  wrong('text that is not UTF-8', text({ payload: Buffer.from('fffe', 'hex') })),
  wrong('Close of 1 byte', { opcode: Opcode.Close, payload: Buffer.from([3]) }),
  wrong('Close 1005', { opcode: Opcode.Close, payload: Buffer.from([0x03, 0xed]) }),
  wrong('Close with a reason that is not UTF-8', {
    opcode: Opcode.Close,
    payload: Buffer.concat([encodeClosePayload(1000), Buffer.from([0xff])]),
  }),
  wrong('length in more bits than it needs', text(), (frame) => {
    frame.lengthSize = 64
  }),
]
