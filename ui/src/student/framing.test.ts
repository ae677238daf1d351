import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sampleGuidance } from '../rehearsal/samples'
import { clearStage, setStage, show } from '../rehearsal/stage'
import FramingGuides from './FramingGuides.vue'
import { HINTS } from './hints'

beforeEach(setStage)
afterEach(clearStage)

describe('the guides', () => {
  it("stand at the spec's own numbers on the final crop", () => {
    // A crop of exactly 480x640 frame pixels at (400, 40): spec pixels are frame pixels.
    const guidance = sampleGuidance({ crop: { x: 400 / 1280, y: 40 / 720, w: 480 / 1280, h: 640 / 720 } })
    const guides = show(FramingGuides, { guidance, width: 1280, height: 720 })
    const bands = guides
      .findAll('.band')
      .map(band => [band.attributes('y'), band.attributes('height')].map(Number))
    expect(bands).toEqual([
      [90, 60],
      [240, 100],
    ])
    const oval = guides.find('.oval')
    expect(Number(oval.attributes('cx'))).toBeCloseTo(640)
    expect(Number(oval.attributes('cy'))).toBeCloseTo(290)
    expect(Number(oval.attributes('rx'))).toBeCloseTo(120)
  })
})

describe('hints', () => {
  it('point in the mirror where the words say', () => {
    expect(HINTS.left).toBe('right')
    expect(HINTS['tilt-left']).toBe('roll-right')
    expect(HINTS['turn-right']).toBe('turn-left')
  })
})
