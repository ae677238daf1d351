import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DeskKeys, PACE_MS } from './keys'

const plain = { repeat: false, ctrlKey: false, altKey: false, metaKey: false }

describe('the keys of a desk', () => {
  const scans: string[] = []
  const pressed: string[] = []
  let now = 0
  let keys = new DeskKeys(
    () => undefined,
    () => undefined,
  )

  beforeEach(() => {
    vi.useFakeTimers()
    scans.length = 0
    pressed.length = 0
    now = 1000
    keys = new DeskKeys(
      text => scans.push(text),
      key => pressed.push(key),
    )
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function passes(ms: number): void {
    now += ms
    vi.advanceTimersByTime(ms)
  }

  function type(text: readonly string[], pause: number): void {
    for (const key of text) {
      keys.key({ ...plain, key }, now)
      passes(pause)
    }
  }

  it('release the shutter at once, from keyboard, pedal and remote', () => {
    for (const key of [' ', 'PageDown']) expect(keys.key({ ...plain, key }, now)).toBe(true)
    expect(pressed).toEqual(['Space', 'Space'])
  })

  it('take a scanner for a scanner, whatever letters it types', () => {
    type([...'CHSI1:brf a0042', 'Enter'], 5)
    passes(1000)
    expect(scans).toEqual(['CHSI1:brf a0042'])
    expect(pressed).toEqual([])
  })

  it('take single letters and digits for keys, in their order', () => {
    type(['r'], 500)
    type(['0', '0', '1', 'x'], 90)
    passes(PACE_MS)
    expect(pressed).toEqual(['R', '0', '0', '1', 'X'])
    expect(scans).toEqual([])
  })

  it('let Enter accept only when no scan could have ended with it', () => {
    type(['Enter'], 500)
    expect(pressed).toEqual(['Enter'])
    // A scanner on a machine that stutters: every letter on its own, and Enter behind them.
    type([...'CHSI1:42z', 'Enter'], 200)
    passes(1000)
    expect(pressed.filter(key => key === 'Enter')).toHaveLength(1)
    type(['Enter'], 500)
    expect(pressed.filter(key => key === 'Enter')).toHaveLength(2)
  })

  it('press nothing for a code that broke off', () => {
    type([...'CHSI1:brfa'], 5)
    passes(1000)
    expect([pressed, scans]).toEqual([[], []])
  })

  it('count a key held down once and leave combinations alone', () => {
    keys.key({ ...plain, key: ' ' }, now)
    for (let i = 0; i < 20; i += 1) keys.key({ ...plain, key: ' ', repeat: true }, now)
    expect(pressed).toEqual(['Space'])
    expect(keys.key({ ...plain, key: 's', ctrlKey: true }, now)).toBe(false)
  })
})
