import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { answers, clearStage, part, setStage, show } from '../rehearsal/stage'
import Pin from './Pin.vue'

beforeEach(setStage)
afterEach(clearStage)

/** Cards laid before the camera, one after the other; then nobody comes. */
function cards(...laid: (boolean | null)[]): void {
  answers.staff_card = () => (laid.length > 0 ? laid.shift() : new Promise(() => undefined))
}

describe('the staff door', () => {
  it('opens by a card held to the camera', async () => {
    cards(null, true)
    const door = show(Pin, {})
    await vi.waitFor(() => expect(door.emitted('open')).toHaveLength(1))
  })

  it('says that a card is another station’s and waits on', async () => {
    cards(false, null)
    const door = show(Pin, {})
    await flushPromises()
    expect(part(door, 'pin-refusal').text()).toBe('这不是本机的员工卡')
    expect(door.emitted('open')).toBeUndefined()
  })

  it('waits for no card once it is gone', async () => {
    let asked = 0
    let laid: (card: null) => void = () => undefined
    answers.staff_card = () => {
      asked += 1
      return new Promise(go => (laid = go))
    }
    const door = show(Pin, {})
    await flushPromises()
    door.unmount()
    laid(null)
    await new Promise(go => setTimeout(go, 300))
    expect(asked).toBe(1)
  })
})
