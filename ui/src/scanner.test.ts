import { describe, expect, it, vi } from 'vitest'
import { Scanner } from './scanner'

const plain = { repeat: false, ctrlKey: false, altKey: false, metaKey: false }

function typed(text: string, pace: number, end = 'Enter'): { read: string[]; kept: boolean[] } {
  const read: string[] = []
  const scanner = new Scanner(found => read.push(found))
  const keys = [...text, end]
  const kept = keys.map((key, n) => scanner.key({ ...plain, key }, n * pace))
  return { read, kept }
}

describe('a hand-held scanner', () => {
  it('is told from fingers by its pace', () => {
    expect(typed('CHSI1:aB3_-9Zk', 8).read).toEqual(['CHSI1:aB3_-9Zk'])
    expect(typed('CHSI1:aB3_-9Zk', 90).read).toEqual([])
  })

  it('keeps its keys from the page and leaves everybody else theirs', () => {
    expect(typed('CHSI1:aB3_-9Zk', 8).kept.at(-1)).toBe(true)
    expect(typed('CHSI1:aB3_-9Zk', 90).kept.some(Boolean)).toBe(false)
    expect(typed('ab', 8).kept.some(Boolean)).toBe(false)
  })

  it('needs its Enter, and in time', () => {
    const read = vi.fn()
    const scanner = new Scanner(read)
    for (const [n, key] of [...'CHSI1:aB3'].entries()) scanner.key({ ...plain, key }, n * 5)
    scanner.key({ ...plain, key: 'Enter' }, 900)
    expect(read).not.toHaveBeenCalled()
  })

  it('types capitals with Shift', () => {
    const read = vi.fn()
    const scanner = new Scanner(read)
    let at = 0
    for (const key of ['Shift', 'C', 'Shift', 'H', 'Shift', 'S', 'Shift', 'I', '1', ':', 'a', 'b', 'Enter']) {
      scanner.key({ ...plain, key }, (at += 6))
    }
    expect(read).toHaveBeenCalledWith('CHSI1:ab')
  })

  it('is no key held down and no shortcut', () => {
    const read = vi.fn()
    const scanner = new Scanner(read)
    for (let n = 0; n < 20; n += 1) scanner.key({ ...plain, key: 'a', repeat: n > 0 }, n * 30)
    scanner.key({ ...plain, key: 'Enter' }, 610)
    expect(read).not.toHaveBeenCalled()
  })

  it.each([
    ['digits of a quick typist', '20230012345', [110, 85, 140, 92, 78, 130, 101, 95, 88, 120, 60]],
    ['digits typed with two hands', '1101011990', [65, 70, 58, 72, 66, 61, 80, 59, 75, 62]],
    ['a burst of a few keys, then the rest', 'abcdefghijkl', [9, 9, 9, 300, 9, 9, 9, 300, 9, 9, 9, 9]],
  ])('leaves %s to the page', (_, text, pauses) => {
    const read = vi.fn()
    const scanner = new Scanner(read)
    let at = 0
    const kept = [...text].map((key, n) => scanner.key({ ...plain, key }, (at += pauses[n] ?? 90)))
    kept.push(scanner.key({ ...plain, key: 'Enter' }, at + 90))
    expect(kept.some(Boolean)).toBe(false)
    expect(read).not.toHaveBeenCalled()
  })

  it('may be slow and uneven, as over a wireless link', () => {
    const read: string[] = []
    const scanner = new Scanner(found => read.push(found))
    let at = 0
    for (const [n, key] of [...'CHSI1:aB3_-9Zk', 'Enter'].entries()) {
      scanner.key({ ...plain, key }, (at += [4, 22, 48, 9][n % 4] ?? 0))
    }
    expect(read).toEqual(['CHSI1:aB3_-9Zk'])
  })

  it.each([2, 3, 9])('is read whole though the page stood still before key %i', stalled => {
    const read: string[] = []
    const scanner = new Scanner(found => read.push(found))
    let at = 0
    for (const [n, key] of [...'CHSI1:aB3_-9Zk', 'Enter'].entries()) {
      scanner.key({ ...plain, key }, (at += n === stalled ? 200 : 6))
    }
    expect(read).toEqual(['CHSI1:aB3_-9Zk'])
  })

  it('reads what it typed, not what a finger left before it', () => {
    const read: string[] = []
    const scanner = new Scanner(found => read.push(found))
    scanner.key({ ...plain, key: '7' }, 0)
    for (const [n, key] of [...'CHSI1:aB3_-9Zk', 'Enter'].entries()) {
      scanner.key({ ...plain, key }, 400 + n * 6)
    }
    expect(read).toEqual(['CHSI1:aB3_-9Zk'])
  })

  it('begins anew after each scan', () => {
    const read: string[] = []
    const scanner = new Scanner(found => read.push(found))
    let at = 0
    for (const key of [...'CODE-0001', 'Enter', ...'CODE-0002', 'Enter'])
      scanner.key({ ...plain, key }, (at += 4))
    expect(read).toEqual(['CODE-0001', 'CODE-0002'])
  })
})
