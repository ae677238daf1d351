import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import App from './App.vue'
import { Speaker } from './comfort'
import { sampleView } from './rehearsal/samples'
import { answers, clearStage, part, setStage, show } from './rehearsal/stage'
import { show as showView } from './station'

let revision = 1000
/** What the station would send next. */
function next(sample: Parameters<typeof sampleView>[0], change = {}): void {
  revision += 1
  showView(sampleView(sample, { revision, ...change }))
}

const spoken: string[] = []
beforeEach(() => {
  setStage()
  spoken.length = 0
  answers.say = given => {
    spoken.push((given as { text: string }).text)
    return null
  }
})
afterEach(() => {
  vi.useRealTimers()
  clearStage()
})

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

describe('low buttons', () => {
  it('are the booth’s own, on every page', async () => {
    next('confirm', { comfort: { low_buttons: true, volume: 60, voice: false } })
    show(App, {})
    await flushPromises()
    expect(document.documentElement.dataset.reach).toBe('low')
    next('confirm')
    await flushPromises()
    expect(document.documentElement.dataset.reach).toBeUndefined()
  })
})

describe('the voice', () => {
  const loud = { comfort: { low_buttons: false, volume: 60, voice: true } }

  it('says a hint that has stood, once, and lets a flicker pass', async () => {
    vi.useFakeTimers()
    next('framing', loud)
    const speaker = new Speaker()
    speaker.hear('再靠近一点')
    await vi.advanceTimersByTimeAsync(300)
    expect(spoken, 'it has not stood yet').toEqual([])
    speaker.hear('离远一点')
    await vi.advanceTimersByTimeAsync(700)
    expect(spoken).toEqual(['离远一点'])
    speaker.hear('离远一点')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(spoken, 'the same again says nothing new').toEqual(['离远一点'])
    speaker.hear('请闭上嘴巴')
    speaker.hush()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(spoken).toEqual(['离远一点'])
  })

  it('is silent where the booth is set up so', async () => {
    vi.useFakeTimers()
    next('framing')
    new Speaker().hear('再靠近一点')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(spoken).toEqual([])
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
