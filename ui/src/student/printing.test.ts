/** Paper on the last page: asked for, under way, out, or not, each said as it is. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readFileSync } from 'node:fs'
import type { Printouts } from '../bindings'
import { acted, clearStage, part, setStage, show } from '../rehearsal/stage'
import en from '../words/en'
import zh from '../words/zh-CN'
import PrintOffers from './PrintOffers.vue'

beforeEach(setStage)
afterEach(clearStage)

const offers = (printouts: Printouts) => show(PrintOffers, { printouts })

describe('paper on the last page', () => {
  it('is asked for by one touch', async () => {
    const page = offers({ receipt: { kind: 'offered' }, sheet: { kind: 'off' } })
    expect(part(page, 'print-sheet').exists()).toBe(false)
    await part(page, 'print-receipt').trigger('click')
    expect(acted).toEqual([{ kind: 'print', what: 'receipt' }])
    page.unmount()
  })

  it('cannot be asked for twice while it is printed', () => {
    const page = offers({ receipt: { kind: 'printing', waits_for: null }, sheet: { kind: 'printed' } })
    expect(part(page, 'print-receipt').exists()).toBe(false)
    expect(part(page, 'print-sheet').exists()).toBe(false)
    expect(part(page, 'print-sheet-state').text()).toContain('照片已打印')
    page.unmount()
  })

  it('says what it waits for, and after a failure why and that one may try again', async () => {
    const page = offers({
      receipt: { kind: 'printing', waits_for: 'out-of-paper' },
      sheet: { kind: 'failed', why: 'jam' },
    })
    expect(part(page, 'print-receipt-state').text()).toContain('缺纸')
    expect(part(page, 'print-sheet-state').text()).toContain('卡纸')
    expect(part(page, 'print-sheet-state').text()).toContain('请告诉工作人员')
    await part(page, 'print-sheet').trigger('click')
    expect(acted).toEqual([{ kind: 'print', what: 'sheet' }])
    page.unmount()
  })

  it('is not there where nothing can be printed', () => {
    const page = offers({ receipt: { kind: 'off' }, sheet: { kind: 'off' } })
    expect(part(page, 'print-offers').exists()).toBe(false)
    page.unmount()
  })

  it('has words for every trouble a printer can have', () => {
    const source = readFileSync('../src-tauri/crates/printing/src/trouble.rs', 'utf8')
    const codes = [...source.matchAll(/Trouble::\w+ => "([a-z-]+)"/g)].map(found => found[1])
    expect(codes.length).toBeGreaterThan(10)
    for (const words of [zh, en]) {
      expect(Object.keys(words.printing.trouble).sort()).toEqual([...codes].sort())
    }
  })
})
