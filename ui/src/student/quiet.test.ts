import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PAGES, type Sample, sampleView } from '../rehearsal/samples'
import { acted, clearStage, part, setStage, show } from '../rehearsal/stage'
import { show as showView } from '../station'
import Booth from './Booth.vue'

beforeEach(() => {
  setStage()
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  clearStage()
})

let revision = 5000
function stand(sample: Sample, change = {}) {
  revision += 1
  const view = sampleView(sample, { revision, ...change })
  showView(view)
  return show(Booth, { view })
}

describe('a page that stands for hours', () => {
  it.each(['welcome', 'out-of-service'] as const)('%s wanders, dims, and wakes by a touch', async sample => {
    const page = stand(sample)
    const quiet = () => part(page, 'quiet-screen')
    expect(quiet().attributes('data-step')).toBe('0')
    await vi.advanceTimersByTimeAsync(61_000)
    expect(quiet().attributes('data-step')).toBe('1')
    expect(quiet().attributes('style')).toContain('translate')
    expect(quiet().classes()).not.toContain('dim')
    await vi.advanceTimersByTimeAsync(3 * 60_000)
    expect(quiet().classes()).toContain('dim')
    window.dispatchEvent(new Event('pointerdown'))
    await flushPromises()
    expect(quiet().classes()).not.toContain('dim')
  })
})

describe('after a crash', () => {
  it('the first page says what became of the visit, and only then', () => {
    expect(part(stand('welcome'), 'interrupted').exists()).toBe(false)
    expect(part(stand('welcome-interrupted'), 'interrupted').text()).toContain('请重新开始')
  })
})

describe('a rejection', () => {
  it('comes with its drawing where there is one, and with its words always', () => {
    const drawn = stand('confirm-rejected')
    expect(part(drawn, 'rejection').text()).toContain('镜片反光')
    expect(part(drawn, 'rejection-drawing').findAll('svg.bust')).toHaveLength(2)
    const said = stand('confirm-rejected-words')
    expect(part(said, 'rejection').text()).toContain('请站到灯光中间')
    expect(part(said, 'rejection-drawing').exists()).toBe(false)
    expect(PAGES.confirm.rejection).toHaveLength(0)
    expect(part(stand('confirm'), 'rejection').exists()).toBe(false)
  })
})

describe('a camera pulled while framing', () => {
  it('is said, takes no photo, and is forgotten when it is back', async () => {
    const page = stand('framing', { camera: 'lost' })
    expect(part(page, 'framing-hint').attributes('data-hint')).toBe('camera-away')
    expect(part(page, 'camera-away').exists()).toBe(true)
    await part(page, 'shoot').trigger('click')
    expect(acted).toEqual([])
    page.unmount()
    const back = stand('framing')
    expect(part(back, 'camera-away').exists()).toBe(false)
    await part(back, 'shoot').trigger('click')
    expect(acted).toEqual([{ kind: 'shoot' }])
  })
})
