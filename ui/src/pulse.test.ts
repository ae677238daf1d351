import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { beat } from './pulse'
import { answers, clearStage, setStage } from './rehearsal/stage'

let told: unknown[] = []
let end = (): void => undefined

beforeEach(() => {
  vi.useFakeTimers()
  setStage()
  told = []
  answers.alive = given => void told.push(given)
})
afterEach(() => {
  end()
  vi.restoreAllMocks()
  vi.useRealTimers()
  clearStage()
})

it('says at once and again and again that the page runs', async () => {
  end = beat()
  await vi.advanceTimersByTimeAsync(20_000)
  expect(told.length).toBeGreaterThanOrEqual(10)
  expect(told[0]).toEqual({ seen: true })
})

it('says at once when nobody can see the page any more', async () => {
  end = beat()
  await vi.advanceTimersByTimeAsync(100)
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
  document.dispatchEvent(new Event('visibilitychange'))
  await vi.advanceTimersByTimeAsync(100)
  expect(told.at(-1)).toEqual({ seen: false })
})
