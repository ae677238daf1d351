import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Sample, sampleView } from '../rehearsal/samples'
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
