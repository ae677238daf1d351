import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import App from './App.vue'
import { sampleView } from './rehearsal/samples'
import { clearStage, part, setStage, show } from './rehearsal/stage'
import { show as showView } from './station'

let revision = 1000
/** What the station would send next. */
function next(sample: Parameters<typeof sampleView>[0], change = {}): void {
  revision += 1
  showView(sampleView(sample, { revision, ...change }))
}

beforeEach(setStage)
afterEach(clearStage)

describe('large letters', () => {
  it('are one touch away and end with the visit', async () => {
    next('confirm')
    const app = show(App, {})
    await part(app, 'letters').trigger('click')
    expect(document.documentElement.dataset.letters).toBe('large')
    expect(part(app, 'letters').attributes('aria-pressed')).toBe('true')
    next('welcome')
    await flushPromises()
    expect(document.documentElement.dataset.letters).toBeUndefined()
  })
})

describe('after a student has left', () => {
  it('nothing of them is in the page or in the view', async () => {
    const app = show(App, {})
    const theirs = ['林*禾', '11********1234', 'A-0137', 'R-20271009-000137', 'candidate/', '信息与计算科学']
    for (const sample of ['choose-record', 'confirm', 'choose-photo', 'last-look', 'done'] as const) {
      next(sample)
      await flushPromises()
      await new Promise(go => setTimeout(go, 20))
    }
    expect(app.html(), 'they were there').toContain('A-0137')
    next('welcome', { school: '' })
    await flushPromises()
    await vi.waitFor(() => expect(part(app, 'page-welcome').exists()).toBe(true))
    await vi.waitFor(() => {
      for (const word of theirs) expect(document.documentElement.outerHTML, word).not.toContain(word)
    })
    const { view, guidance } = await import('./station')
    for (const word of theirs) expect(JSON.stringify(view.value)).not.toContain(word)
    expect(guidance.value).toBeUndefined()
  })
})
