/** Numbers for people. */

/** As in `12,345`. */
export const whole = (value: number): string => String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',')

/** Three digits that count, as in `0.123`, `1.23`, `123`, `12,345`. */
export function digits(value: number): string {
  if (value >= 100) return whole(value)
  if (value >= 10) return value.toFixed(1)
  return value >= 1 ? value.toFixed(2) : value.toFixed(3)
}

/** Nanoseconds as milliseconds. */
export const milliseconds = (nanoseconds: number): string => digits(nanoseconds / 1e6)

export const percent = (share: number): string => `${Math.round(share * 100)} %`

const UNITS = ['B', 'KiB', 'MiB', 'GiB'] as const

/** As in `1.5 MiB`. */
export function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)))
  return power === 0 ? `${whole(value)} B` : `${digits(value / 1024 ** power)} ${UNITS[power]}`
}

/** As in `1 connection`, `2 connections`. */
export const counted = (count: number, noun: string): string =>
  `${whole(count)} ${noun}${count === 1 ? '' : 's'}`
