/** What component tests stand on: a station that only remembers what was done, and a page mounted on it. */
import { clearMocks, mockIPC } from '@tauri-apps/api/mocks'
import { type DOMWrapper, mount, type VueWrapper } from '@vue/test-utils'
import type { Component } from 'vue'
import type { Action } from '../bindings'
import { i18n, speak } from '../words'

/** Everything the page sent since the test began, touches left out. */
export const acted: Action[] = []

/** Answers to other commands, by their name in Rust. */
export const answers: Record<string, (given: unknown) => unknown> = {}

export function setStage(): void {
  mockIPC((command, given) => {
    if (command === 'act') {
      const { action } = given as { action: Action }
      if (action.kind !== 'touch') acted.push(action)
      return null
    }
    return answers[command]?.(given) ?? null
  })
  const internals = (window as unknown as { __TAURI_INTERNALS__: { convertFileSrc: unknown } })
    .__TAURI_INTERNALS__
  internals.convertFileSrc = (path: string, scheme: string) => `${scheme}://localhost/${path}`
  if (!document.getElementById('app')) {
    const app = document.createElement('div')
    app.id = 'app'
    document.body.append(app)
  }
}

export function clearStage(): void {
  acted.length = 0
  for (const name of Object.keys(answers)) Reflect.deleteProperty(answers, name)
  speak('zh-CN')
  clearMocks()
}

export function show(component: Component, props: Record<string, unknown>): VueWrapper {
  return mount(component, { props, global: { plugins: [i18n] }, attachTo: document.body })
}

/** The element a WebDriver test would find by the same name. */
export function part(page: VueWrapper, id: string): DOMWrapper<Element> {
  return page.find(`[data-testid="${id}"]`)
}
