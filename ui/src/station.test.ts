import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sampleView } from './rehearsal/samples'
import { clearStage, setStage } from './rehearsal/stage'
import { picture, show, view, visit } from './station'

beforeEach(setStage)
afterEach(clearStage)

describe('the view', () => {
  it('never goes back to an older one', () => {
    show(sampleView('scan', { revision: 10 }))
    show(sampleView('welcome', { revision: 9 }))
    expect(view.value?.page.kind).toBe('scan')
  })

  it('counts visits by the returns to the welcome page', () => {
    const before = visit.value
    show(sampleView('done', { revision: 11 }))
    show(sampleView('welcome', { revision: 12 }))
    show(sampleView('welcome', { revision: 13 }))
    expect(visit.value).toBe(before + 1)
  })
})

describe('pictures', () => {
  it('keep their slashes and question mark', () => {
    expect(picture('preview?n=3')).toBe('cam://localhost/preview?n=3')
    expect(picture('record/7/standard')).toBe('cam://localhost/record/7/standard')
  })
})
