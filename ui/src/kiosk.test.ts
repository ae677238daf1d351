import { beforeAll, describe, expect, it } from 'vitest'
import { secure } from './kiosk'

beforeAll(() => secure(document))

/** Whether the page kept this from happening. */
function kept(event: Event, on: EventTarget = document.body): boolean {
  on.dispatchEvent(event)
  return event.defaultPrevented
}

function happening(kind: string, more: Record<string, unknown> = {}): Event {
  return Object.assign(new Event(kind, { bubbles: true, cancelable: true }), more)
}

function key(name: string, more: KeyboardEventInit = {}): KeyboardEvent {
  return new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...more })
}

describe('a kiosk', () => {
  it.each(['contextmenu', 'dragstart', 'dragover', 'drop', 'gesturestart', 'selectstart'])(
    'has no %s',
    kind => {
      expect(kept(happening(kind))).toBe(true)
    },
  )

  it('is not zoomed by two fingers, by a wheel or by keys', () => {
    expect(kept(happening('touchmove', { touches: [1, 2] }))).toBe(true)
    expect(kept(happening('touchmove', { touches: [1] })), 'one finger scrolls').toBe(false)
    expect(kept(happening('wheel', { ctrlKey: true }))).toBe(true)
    expect(kept(happening('wheel', { ctrlKey: false })), 'a wheel scrolls').toBe(false)
    for (const name of ['+', '-', '=', '0', 'Add'])
      expect(kept(key(name, { ctrlKey: true })), name).toBe(true)
  })

  it('is not left, reloaded, searched or printed by keys', () => {
    for (const name of ['F5', 'F11', 'F12', 'BrowserBack']) expect(kept(key(name)), name).toBe(true)
    for (const name of ['r', 'R', 'p', 'f', 'w', 't', 'u']) {
      expect(kept(key(name, { ctrlKey: true })), name).toBe(true)
    }
    expect(kept(key('ArrowLeft', { altKey: true }))).toBe(true)
  })

  it('still lets people type and staff copy', () => {
    expect(kept(key('a'))).toBe(false)
    const field = document.createElement('input')
    const staff = document.createElement('div')
    staff.className = 'staff'
    document.body.append(field, staff)
    for (const place of [field, staff]) expect(kept(happening('selectstart'), place)).toBe(false)
  })
})
