/** How long is waited, in milliseconds, and how much is sent. Whoever does what it must is never waited for so long. */
export interface Settings {
  /** For anything that must come. */
  readonly timeout: number
  /** The same in cases that move many bytes. */
  readonly patience: number
  /** Until a ping asks whether the other side lives on; it then is the ping's answer that counts. */
  readonly quiet: number
  /** For a reaction inside a frame, where no ping can ask. */
  readonly reaction: number
  /** The most messages that are sent in one of the cases that send 1000. */
  readonly messages: number
}

export const SETTINGS: Settings = {
  timeout: 5_000,
  patience: 60_000,
  quiet: 100,
  reaction: 500,
  messages: 1000,
}
