import { describe, expect, it } from 'vitest'
import { guess } from './pinyin'

describe('pinyin', () => {
  it('offers the frequent characters first', () => {
    expect(guess('wang').characters.slice(0, 2)).toEqual(['王', '望'])
  })

  it('takes one syllable at a time out of a whole name', () => {
    const first = guess('wangxiaoming')
    expect(first.taken).toBe(4)
    expect(first.characters).toContain('王')
  })

  it('offers something while a syllable is still growing', () => {
    expect(guess('zh').characters.length).toBeGreaterThan(10)
    expect(guess('wan').characters).toContain('王')
  })

  it.each([
    ['lv', '吕'],
    ['nv', '女'],
    ['yue', '玥'],
    ['jun', '珺'],
    ['yi', '祎'],
    ['kun', '堃'],
    ['zhe', '喆'],
    ['yu', '彧'],
    ['yang', '旸'],
    ['xuan', '瑄'],
  ])('%s finds %s, which a name may hold', (letters, character) => {
    expect(guess(letters).characters).toContain(character)
  })

  it('has nothing to offer for nothing', () => {
    expect(guess('').characters).toEqual([])
  })
})
