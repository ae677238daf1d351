import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DOMWrapper } from '@vue/test-utils'
import { sampleGuidance } from '../rehearsal/samples'
import { SPEC } from '../rehearsal/spec'
import { clearStage, setStage, show } from '../rehearsal/stage'
import FramingGuides from './FramingGuides.vue'
import { HINTS } from './hints'

beforeEach(setStage)
afterEach(clearStage)

/** A final photo that lies in the frame pixel for pixel: what is drawn stands at the spec's own pixels. */
const CROP = { left: 400, top: 40 }
const FRAME = { width: 1280, height: 720 }

function drawn() {
  const { width, height } = FRAME
  const crop = {
    x: CROP.left / width,
    y: CROP.top / height,
    w: SPEC.width / width,
    h: SPEC.height / height,
  }
  return show(FramingGuides, { guidance: sampleGuidance({ crop }), width, height })
}
const numbers = (of: Pick<DOMWrapper<Element>, 'attributes'>, ...names: string[]): number[] =>
  names.map(name => Number(of.attributes(name)))
const half = ([least, most]: readonly (number | null)[]): number => ((least ?? 0) + (most ?? 0)) / 2

describe('the guides', () => {
  it('draw the crop where the final photo is cut', () => {
    expect(numbers(drawn().get('.crop'), 'x', 'y', 'width', 'height')).toEqual([
      CROP.left,
      CROP.top,
      SPEC.width,
      SPEC.height,
    ])
  })

  it("draw the crown's band and the eyes' band from the spec's first pixel to its last", () => {
    const bands = drawn()
      .findAll('.band')
      .map(band => numbers(band, 'y', 'height'))
    const expected = [SPEC.crown, SPEC.eyes].map(([least, most]) => [
      CROP.top + (least ?? 0),
      (most ?? 0) - (least ?? 0),
    ])
    expect(bands).toHaveLength(2)
    bands.flat().forEach((value, place) => expect(value).toBeCloseTo(expected.flat()[place] ?? NaN))
  })

  it('mark the narrowest and the widest face the spec allows, on either side of the middle', () => {
    const middle = CROP.left + SPEC.width / 2
    const marks = drawn()
      .findAll('.cheek')
      .map(mark => Number(/^M([\d.]+) /.exec(mark.attributes('d') ?? '')?.[1]))
      .sort((a, b) => a - b)
    const [narrow, wide] = SPEC.face_width.map(width => (width ?? 0) / 2)
    const expected = [-(wide ?? 0), -(narrow ?? 0), narrow ?? 0, wide ?? 0].map(off => middle + off)
    expect(marks).toHaveLength(4)
    marks.forEach((mark, place) => expect(mark).toBeCloseTo(expected[place] ?? NaN))
  })

  it('draw a head that satisfies all three at their middle', () => {
    const [cx, cy, rx, ry] = numbers(drawn().get('.oval'), 'cx', 'cy', 'rx', 'ry')
    expect(cx).toBeCloseTo(CROP.left + SPEC.width / 2)
    expect(cy).toBeCloseTo(CROP.top + half(SPEC.eyes))
    expect(rx).toBeCloseTo(half(SPEC.face_width) / 2)
    expect((cy ?? 0) - (ry ?? 0), 'its top is the crown').toBeCloseTo(CROP.top + half(SPEC.crown))
  })
})

describe('hints', () => {
  it('point in the mirror where the words say', () => {
    expect(HINTS.left).toBe('right')
    expect(HINTS['tilt-left']).toBe('roll-right')
    expect(HINTS['turn-right']).toBe('turn-left')
  })
})
