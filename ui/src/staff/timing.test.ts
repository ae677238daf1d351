/** The page of times: what is measured, what is slow, and nothing where nothing was measured. */
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { TIMING } from '../rehearsal/samples'
import { answers, clearStage, part, setStage, show } from '../rehearsal/stage'
import Timing from './Timing.vue'

beforeEach(setStage)
afterEach(clearStage)

async function stands(reading: object) {
  answers['timing'] = () => reading
  const page = show(Timing, {})
  await flushPromises()
  return page
}

it('shows what a visit costs and which of them were slow', async () => {
  const page = await stands(TIMING)
  expect(part(page, 'shown-fps').text()).toContain('29.4')
  expect(part(page, 'timing-scan_to_page').text()).toContain('88')
  expect(part(page, 'timing-visits').findAll('.slow')).toHaveLength(1)
  page.unmount()
})

it('marks a measure that misses its goal', async () => {
  const page = await stands({ ...TIMING, scan_to_page: { count: 9, p50: 80, p95: 140 } })
  expect(part(page, 'timing-scan_to_page').find('.slow').exists()).toBe(true)
  expect(part(page, 'timing-frame_to_screen').find('.slow').exists()).toBe(false)
  page.unmount()
})

it('claims nothing before the first visit', async () => {
  const nothing = { count: 0, p50: 0, p95: 0 }
  const page = await stands({
    ...TIMING,
    shown_fps: 0,
    frame_to_screen: nothing,
    visits: [],
  })
  expect(part(page, 'shown-fps').text()).toContain('—')
  expect(part(page, 'timing-frame_to_screen').text()).not.toMatch(/\b0\.0\b/)
  expect(part(page, 'timing-visits').exists()).toBe(false)
  page.unmount()
})
