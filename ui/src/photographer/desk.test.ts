import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PhotographerView } from '../bindings'
import { type Sample, sampleDesk, sampleView } from '../rehearsal/samples'
import { acted, answers, clearStage, part, setStage, show } from '../rehearsal/stage'
import Desk from './Desk.vue'
import { PACE_MS } from './keys'
import StudentScreen from './StudentScreen.vue'

const scans: string[] = []

beforeEach(() => {
  vi.useFakeTimers()
  setStage()
  answers.scanned = given => scans.push((given as { text: string }).text)
})
afterEach(() => {
  vi.useRealTimers()
  clearStage()
  scans.length = 0
})

function desk(page: Sample, change: Partial<PhotographerView> = {}) {
  const beside = sampleDesk(change)
  return show(Desk, { view: sampleView(page, { photographer: beside }), desk: beside })
}

/** Keys as fingers press them. */
async function press(...keys: string[]): Promise<void> {
  for (const key of keys) {
    window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
    vi.advanceTimersByTime(PACE_MS + 400)
    await flushPromises()
  }
}

describe('the photographer’s screen', () => {
  it('shoots by space bar, pedal and remote, and accepts by Enter', async () => {
    desk('framing-good')
    await press(' ', 'PageDown', 'b')
    expect(acted).toEqual([{ kind: 'shoot' }, { kind: 'shoot' }, { kind: 'shoot' }])
    acted.length = 0
    desk('choose-photo-one')
    // Both screens are mounted and hear the key; only a page with a photo accepts.
    await press('Enter')
    expect(acted).toContainEqual({ kind: 'accept' })
  })

  it('lets nothing but the answer through while the face may be the wrong one', async () => {
    const page = desk('framing-good', { alarm: 'changed' })
    expect(part(page, 'desk-alarm').attributes('data-cause')).toBe('changed')
    expect(part(page, 'desk-alarm').text()).toContain('林*禾')
    await press(' ', 'Enter', 'f', 'PageDown')
    expect(acted).toEqual([])
    await press('a')
    expect(acted).toEqual([{ kind: 'same-person' }])
  })

  it('never covers the preview, whatever is asked', async () => {
    const page = desk('framing-refused', { alarm: null, may_force: true })
    await press('f')
    expect(part(page, 'desk-force').exists()).toBe(true)
    expect(part(page, 'desk-picture').element.contains(part(page, 'desk-force').element)).toBe(false)
    expect(document.querySelector('dialog, [role="dialog"]')).toBeNull()
  })

  it('forces a refused photo only with a reason', async () => {
    const page = desk('framing-refused', { may_force: true })
    await press('f', 'Enter')
    expect(acted).toEqual([])
    await press('2')
    expect(acted).toEqual([{ kind: 'force', reason: '伤病或残障，无法做到' }])
    expect(part(page, 'desk-force').exists()).toBe(false)
    acted.length = 0
    await press('f')
    await part(page, 'force-reason').setValue('  ')
    await page.find('form').trigger('submit')
    expect(acted).toEqual([])
    await part(page, 'force-reason').setValue('戴义眼')
    await page.find('form').trigger('submit')
    expect(acted).toEqual([{ kind: 'force', reason: '戴义眼' }])
  })

  it('offers no force where the machine does not', async () => {
    const page = desk('framing-refused', { may_force: false })
    await press('f')
    expect(part(page, 'desk-force').exists()).toBe(false)
  })

  it('takes the last four as they are typed and shows none of them', async () => {
    const page = desk('prove-last-four', { person: null })
    await press('0', '9', 'Backspace', '0', '1')
    expect(part(page, 'last-four').text().replace(/\s/g, '')).toBe('•••')
    expect(page.text()).not.toContain('001')
    await press('x')
    expect(acted).toEqual([{ kind: 'last-four', value: '001X' }])
    expect(part(page, 'last-four').text().trim()).toBe('')
  })

  it('keeps what was typed while figures and light change beside it', async () => {
    const page = desk('prove-last-four', { person: null })
    await press('0', '0')
    const beside = sampleDesk({ person: null, light: { level: 65, balance: 0, hints: [] } })
    await page.setProps({ view: sampleView('prove-last-four', { photographer: beside }), desk: beside })
    await press('1', 'x')
    expect(acted).toEqual([{ kind: 'last-four', value: '001X' }])
    // Another student begins anew.
    await press('9')
    const another = sampleDesk({ person: null, front: '0190-another' })
    await page.setProps({ view: sampleView('prove-last-four', { photographer: another }), desk: another })
    expect(part(page, 'last-four').text().trim()).toBe('')
  })

  it('asks twice before a student is cancelled', async () => {
    desk('framing-good')
    await press('Escape')
    expect(acted).toEqual([])
    vi.advanceTimersByTime(4000)
    await press('Escape')
    expect(acted).toEqual([])
    await press('Escape')
    expect(acted).toEqual([{ kind: 'cancel' }])
  })

  it('takes a scan on every page, and no letter of it for a command', async () => {
    desk('choose-photo-one')
    for (const key of [...'CHSI1:rbfan0042', 'Enter']) {
      window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
      vi.advanceTimersByTime(5)
    }
    await flushPromises()
    expect(scans).toEqual(['CHSI1:rbfan0042'])
    expect(acted).toEqual([])
  })

  it('photographs the wall only while nobody is in front', async () => {
    desk('welcome', { front: '', person: null })
    await press('b')
    expect(acted).toEqual([{ kind: 'take-plate' }])
  })

  it('leaves the shutter to a tethered camera', async () => {
    const page = desk('framing-good', { tethered: true })
    expect(part(page, 'desk-line').text()).toContain('快门')
  })

  it('says what the last photos, the figures, light and wall are', () => {
    const page = desk('framing-good', {
      light: { level: 30, balance: -40, hints: [{ code: 'left-dark', zh: '左侧偏暗', en: 'Left dark' }] },
      wall: { state: 'drifted', hint: { code: 'wall-light', zh: '灯光亮度变了', en: 'Light' } },
      put_aside: 2,
      put_aside_why: { code: 'clock', zh: '相机时间', en: 'clock' },
    })
    expect(page.findAll('[data-testid="last-photo"]')).toHaveLength(6)
    expect(part(page, 'count-hour').text()).toBe('121')
    expect(part(page, 'light-words').text()).toBe('左侧偏暗')
    expect(part(page, 'desk-wall').text()).toBe('灯光亮度变了')
    expect(part(page, 'put-aside').text()).toContain('2')
  })
})

describe('the student’s screen beside it', () => {
  it('says one thing to do and nothing of other students', () => {
    for (const name of ['welcome', 'confirm', 'requirements', 'framing', 'choose-photo-one'] as const) {
      const view = sampleView(name, { photographer: sampleDesk() })
      const page = show(StudentScreen, { view })
      expect(part(page, 'student-says').text()).not.toBe('')
      expect(page.text()).not.toContain('A-0136')
      expect(page.text()).not.toContain('白*远')
    }
  })
})
