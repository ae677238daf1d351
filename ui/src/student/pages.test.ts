import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Action } from '../bindings'
import { PAGES, type Sample, sampleView } from '../rehearsal/samples'
import { acted, answers, clearStage, part, setStage, show } from '../rehearsal/stage'
import { sinceWhen } from '../when'
import { speak } from '../words'
import Booth from './Booth.vue'

beforeEach(setStage)
afterEach(clearStage)

const samples = Object.keys(PAGES) as Sample[]

function stand(sample: Sample, change = {}) {
  return show(Booth, { view: sampleView(sample, change) })
}

describe('every page', () => {
  it.each(samples.flatMap(sample => [[sample, 'zh-CN'] as const, [sample, 'en'] as const]))(
    '%s speaks %s without a missing word',
    async (sample, tongue) => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
      speak(tongue)
      const page = stand(sample)
      await flushPromises()
      expect(part(page, `page-${PAGES[sample].kind}`).exists()).toBe(true)
      expect(page.text()).not.toMatch(/\b[a-z]+[A-Za-z]*\.[a-z]+[A-Za-z-]*\b(?<!chsi\.com|com\.cn)/)
      expect(warn).not.toHaveBeenCalled()
      warn.mockRestore()
    },
  )

  it.each(samples.filter(name => !['welcome', 'out-of-service'].includes(PAGES[name].kind)))(
    '%s offers help and a way out',
    sample => {
      const page = stand(sample)
      expect(part(page, 'help-button').exists()).toBe(true)
      const out = ['cancel', 'finish', 'leave'].filter(id => part(page, id).exists())
      expect(out, 'no dead end').not.toEqual([])
    },
  )

  it('sends each touch as the action it means', async () => {
    const cases: [Sample, string, Action][] = [
      ['welcome', 'start', { kind: 'start' }],
      ['scan', 'back', { kind: 'back' }],
      ['scan', 'cancel', { kind: 'cancel' }],
      ['confirm', 'it-is-me', { kind: 'it-is-me' }],
      ['confirm', 'not-me', { kind: 'not-me' }],
      ['choose-record', 'record', { kind: 'take-record', id: 'r1' }],
      ['pay-expired', 'pay-again', { kind: 'pay-again' }],
      ['framing', 'shoot', { kind: 'shoot' }],
      ['choose-photo', 'take-2', { kind: 'take', id: 2 }],
      ['choose-photo-one', 'take-1', { kind: 'take', id: 1 }],
      ['choose-photo-one', 'retake', { kind: 'retake' }],
      ['last-look', 'submit', { kind: 'submit' }],
      ['done', 'finish', { kind: 'finish' }],
      ['not-possible', 'leave', { kind: 'finish' }],
    ]
    for (const [sample, id, action] of cases) {
      const page = stand(sample)
      await part(page, id).trigger('click')
      expect(acted, `${sample}: ${id}`).toEqual([action])
      acted.length = 0
      page.unmount()
    }
  })
})

describe('the time-out', () => {
  it('shows its ring only in the last ten seconds', async () => {
    const page = stand('confirm', { seconds_left: 11 })
    expect(part(page, 'still-there').exists()).toBe(false)
    await page.setProps({ view: sampleView('confirm', { seconds_left: 10 }) })
    expect(part(page, 'still-there').attributes('data-seconds')).toBe('10')
  })
})

describe('a booth out of service', () => {
  it('says since when, and the day where it was another', () => {
    const since = new Date(2027, 9, 9, 9, 20)
    expect(sinceWhen(since.toISOString(), 'zh-CN', new Date(2027, 9, 9, 18, 0))).toBe('09:20')
    expect(sinceWhen(since.toISOString(), 'zh-CN', new Date(2027, 9, 11, 8, 0))).toBe('10月9日 09:20')
    expect(sinceWhen('no time', 'zh-CN')).toBe('')
    const page = stand('out-of-service')
    expect(part(page, 'out-since').text()).toMatch(/\d\d:\d\d 起暂停$/)
    page.unmount()
  })

  it('says no time by a clock that is wrong', () => {
    const view = sampleView('out-of-service')
    const page = show(Booth, {
      view: { ...view, page: { kind: 'out-of-service', reason: 'clock', since: '2027-10-09T01:20:00Z' } },
    })
    expect(part(page, 'out-since').exists()).toBe(false)
    page.unmount()
  })
})

describe('consent', () => {
  it('is never ticked for the student, and nothing goes on without it', async () => {
    const page = stand('requirements')
    expect(part(page, 'consent').attributes('aria-checked')).toBe('false')
    expect(part(page, 'consent-next').attributes('disabled')).toBeDefined()
    await part(page, 'consent').trigger('click')
    await part(page, 'consent-next').trigger('click')
    expect(acted).toEqual([{ kind: 'consent' }])
  })
})

describe('the last four characters', () => {
  it('stand nowhere on the screen, and X is only taken as the last', async () => {
    const page = stand('prove-last-four')
    for (const key of ['X', '8', '8', 'X', '9', 'X']) await part(page, `key-${key}`).trigger('click')
    expect(part(page, 'last-four-boxes').attributes('data-filled')).toBe('4')
    expect(part(page, 'last-four-boxes').text()).toBe('')
    await part(page, 'prove-submit').trigger('click')
    expect(acted).toEqual([{ kind: 'last-four', value: '889X' }])
    expect(part(page, 'last-four-boxes').attributes('data-filled')).toBe('0')
  })

  it('come from a keyboard as well', async () => {
    const page = stand('prove-last-four')
    for (const key of ['1', '2', '3', 'x']) window.dispatchEvent(new KeyboardEvent('keydown', { key }))
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }))
    await flushPromises()
    expect(acted).toEqual([{ kind: 'last-four', value: '123X' }])
    page.unmount()
  })
})

describe('name and number', () => {
  it('are typed in pinyin without any other keyboard', async () => {
    const page = stand('prove-name')
    for (const key of 'lin') await part(page, `key-${key}`).trigger('click')
    await part(page, 'candidate-林').trigger('click')
    for (const key of 'yue') await part(page, `key-${key}`).trigger('click')
    await part(page, 'candidate-玥').trigger('click')
    await part(page, 'key-done').trigger('click')
    for (const key of '2023001') await part(page, `key-${key}`).trigger('click')
    await part(page, 'key-done').trigger('click')
    for (const key of '13000000000') await part(page, `key-${key}`).trigger('click')
    await part(page, 'key-done').trigger('click')
    expect(acted).toEqual([
      {
        kind: 'name-and-number',
        level: '专科',
        name: '林玥',
        student_number: '2023001',
        phone: '13000000000',
      },
    ])
  })
})

describe('the school', () => {
  it('can only be taken at a level it collects', async () => {
    const page = stand('find-school')
    await part(page, 'level-本科').trigger('click')
    const schools = page.findAll('[data-testid="school"]')
    expect(schools.map(school => school.attributes('disabled') !== undefined)).toEqual([false, false, true])
    await schools[1]?.trigger('click')
    expect(acted).toEqual([{ kind: 'take-school', id: 's2', level: '本科' }])
  })
})

describe('a hand-held scanner', () => {
  /** Presses keys `pace` milliseconds apart; those the page kept from everybody else. */
  function types(text: string, pace: number): string[] {
    const at = vi.spyOn(Event.prototype, 'timeStamp', 'get')
    const kept: string[] = []
    for (const [n, key] of [...text, 'Enter'].entries()) {
      at.mockReturnValue(10_000 + n * pace)
      const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
      const on = document.activeElement ?? document.body
      on.dispatchEvent(event)
      if (event.defaultPrevented) kept.push(key)
    }
    at.mockRestore()
    return kept
  }

  function listen(): string[] {
    const read: string[] = []
    answers.scanned = given => read.push((given as { text: string }).text) && 'steady'
    return read
  }

  it.each(['welcome', 'scan', 'scan-payment'] as const)('is heard on %s', async sample => {
    const read = listen()
    const page = stand(sample)
    const kept = types('CHSI1:aB3_-9Zk', 6)
    types('CHSI1:second-9Zk', 6)
    await flushPromises()
    expect(read).toEqual(['CHSI1:aB3_-9Zk', 'CHSI1:second-9Zk'])
    expect(kept.at(-1), 'Enter touches no button').toBe('Enter')
    expect(acted).toEqual([])
    page.unmount()
  })

  it.each(['find-school', 'prove-name', 'prove-last-four', 'confirm', 'framing'] as const)(
    'takes nothing from %s',
    async sample => {
      const read = listen()
      const page = stand(sample)
      const field = page.find('input')
      if (field.exists()) (field.element as HTMLInputElement).focus()
      types('CHSI1:aB3_-9Zk', 6)
      await flushPromises()
      expect(read).toEqual([])
      page.unmount()
    },
  )

  it('leaves the keys of a person alone', async () => {
    const read = listen()
    const page = stand('scan')
    expect(types('20230012345', 95)).toEqual([])
    await flushPromises()
    expect(read).toEqual([])
    page.unmount()
  })
})

describe('a code that cannot be used', () => {
  it.each(['not-possible-unknown', 'not-possible-expired'] as const)(
    '%s leads to the ways to fetch another',
    async sample => {
      const page = stand(sample)
      await part(page, 'new-code').trigger('click')
      await flushPromises()
      expect(document.querySelector('[data-testid="help"] .fetch')).not.toBeNull()
      page.unmount()
    },
  )

  it('has a picture of its own for each reason', () => {
    const drawn = (['unknown', 'expired', 'elsewhere', 'collected'] as const).map(name => {
      const page = stand(`not-possible-${name}`)
      const picture = page.find('.trouble').html()
      page.unmount()
      return picture
    })
    expect(new Set(drawn).size).toBe(4)
  })
})

describe('the welcome page', () => {
  it('is itself again for the next student after somebody looked at the help in English', async () => {
    vi.useFakeTimers()
    const page = stand('welcome')
    await part(page, 'booth').trigger('pointerdown')
    await part(page, 'language').trigger('click')
    await part(page, 'help-button').trigger('click')
    expect(document.querySelector('[data-testid="help"]')).not.toBeNull()
    vi.advanceTimersByTime(60_000)
    await page.vm.$nextTick()
    expect(document.querySelector('[data-testid="help"]')).toBeNull()
    expect(page.text()).toContain('毕业证照自助采集')
    vi.useRealTimers()
  })
})

describe('after a visit', () => {
  it('nothing of it is left on the page', async () => {
    const page = stand('last-look')
    expect(page.text()).toContain('林*禾')
    await page.setProps({ view: sampleView('welcome', { revision: 2 }) })
    await flushPromises()
    await new Promise(go => setTimeout(go, 50))
    const left = document.body.innerHTML
    expect(left).not.toContain('林*禾')
    expect(left).not.toContain('candidate/')
  })
})
