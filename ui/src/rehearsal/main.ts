/**
 * The rehearsal: any page in a plain browser, without Rust.
 *
 *     npm run dev      then open
 *     /rehearsal.html?page=framing&lang=zh&left=8&staff=queue&help=fetch&theme=dark
 *     /rehearsal.html?page=framing&desk=busy, alarm, idle, refused, tethered; with screen=student the second window
 *
 * It stands in for Tauri below `bindings.ts`, so everything above runs as in the window.
 */
import { mockIPC } from '@tauri-apps/api/mocks'
import { createApp, nextTick } from 'vue'
import App from '../App.vue'
import type { Action, Errand, QueueFilter, View } from '../bindings'
import '../design/tokens.css'
import '../design/base.css'
import { secure } from '../kiosk'
import { connect } from '../station'
import { i18n, speak } from '../words'
import { CALLBACK, day, folders, foresight, GOING, LIVE, NAMING, queue, SETTINGS_VIEW } from './desk'
import {
  DESKS,
  FINDINGS,
  isSample,
  PAGES,
  sampleDesk,
  sampleGuidance,
  sampleRecord,
  sampleView,
  SENDING,
  TIMING,
} from './samples'
import { SCENES } from './scenes'

const asked = new URLSearchParams(location.search)
const name = asked.get('page') ?? 'welcome'
const left = asked.get('left')

const page = isSample(name) ? name : 'welcome'
const change: Partial<View> = {}
if (left !== null) change.seconds_left = Number(left)
if (asked.has('low')) change.comfort = { low_buttons: true, volume: 0, voice: false }
if (asked.has('away')) change.camera = 'lost'
if (asked.has('rehearsal')) change.rehearsal = true
const desk = asked.get('desk')
if (desk !== null) change.photographer = sampleDesk(DESKS[desk])

function answer(command: string, given: unknown): unknown {
  switch (command) {
    case 'view':
      return sampleView(page, change)
    case 'act':
      console.info('act', (given as { action: Action }).action)
      return null
    case 'staff_card':
      // Nobody holds one up.
      return new Promise(() => undefined)
    case 'timing':
      return TIMING
    case 'staff_login':
      return true
    case 'queue_list':
      return queue((given as { filter: QueueFilter }).filter)
    case 'errand_foresee':
      return foresight((given as { errand: Errand }).errand)
    case 'errand_begin':
      return true
    case 'errand_view':
      return asked.has('errand') ? GOING : null
    case 'look_into':
      return folders((given as { path: string }).path)
    case 'naming':
      return NAMING
    case 'day':
      return day((given as { days: number }).days)
    case 'callback_list':
      return CALLBACK
    case 'settings_view':
      return SETTINGS_VIEW
    case 'settings_save':
      return { troubles: [], restart: true }
    case 'camera_trial':
      return { picture: 'preview', says: LIVE.camera, streaming: true }
    case 'say_trial':
      return true
    case 'live':
      return LIVE
    case 'sending':
      return name.includes('offline') ? SENDING.offline : SENDING.busy
    case 'queue_show':
      return sampleRecord(4)
    case 'queue_retry':
      return (given as { ids: string[] }).ids.length
    case 'doctor':
      return FINDINGS
    default:
      return null
  }
}

const listeners = new Map<string, number[]>()
mockIPC((command, given) => {
  if (command === 'plugin:event|listen') {
    const { event, handler } = given as { event: string; handler: number }
    listeners.set(event, [...(listeners.get(event) ?? []), handler])
    return handler
  }
  return answer(command, given)
})

interface Internals {
  convertFileSrc: (path: string, scheme: string) => string
  runCallback?: (id: number, data: unknown) => void
}
const internals = (window as unknown as { __TAURI_INTERNALS__: Internals }).__TAURI_INTERNALS__
internals.convertFileSrc = path => `/cam/${path}`

function tell(event: string, payload: unknown): void {
  for (const id of listeners.get(event) ?? []) {
    const direct = (window as unknown as Record<string, ((event: unknown) => void) | undefined>)[`_${id}`]
    if (internals.runCallback) internals.runCallback(id, { event, id, payload })
    else direct?.({ event, id, payload })
  }
}

secure(document)
if (asked.get('lang')?.startsWith('en')) speak('en')
const theme = asked.get('theme') ?? 'light'
document.documentElement.dataset.theme = theme
document.documentElement.classList.toggle('dark', theme === 'dark')
createApp(App).use(i18n).mount('#app')
await connect()
if (asked.get('lang')?.startsWith('en')) speak('en')

if (PAGES[page].kind === 'framing' || desk !== null) {
  const good = page === 'framing-good' || page === 'choose-photo-one' || page === 'countdown'
  let frame = 0
  setInterval(() => {
    frame += 1
    const hint = good ? 'good' : (asked.get('hint') ?? 'closer')
    tell('guidance-changed', sampleGuidance({ frame, hint, ready: good, hold: good ? 0.7 : 0 }))
  }, 66)
}

function press(id: string): void {
  document.querySelector<HTMLElement>(`[data-testid="${id}"]`)?.click()
}

function pause(ms: number): Promise<void> {
  return new Promise(go => setTimeout(go, ms))
}

await nextTick()
const help = asked.get('help')
if (help) {
  press('help-button')
  await nextTick()
  press(`help-${help}`)
}
const typed = asked.get('type')
if (typed) for (const key of typed) press(`key-${key}`)

const staff = asked.get('staff')
if (staff) {
  window.dispatchEvent(new KeyboardEvent('keydown', { key: 'S', ctrlKey: true, shiftKey: true }))
  await pause(1500)
  if (staff !== 'pin') {
    for (const key of '246810') press(`key-${key}`)
    await nextTick()
    press('pin-enter')
    await pause(300)
    press(`room-${staff === 'purge' ? 'queue' : staff}`)
    if (['record', 'picked', 'purge'].includes(staff)) {
      await pause(800)
      const row = document.querySelector<HTMLElement>('.el-table-v2__row')
      if (staff === 'record') row?.click()
      else row?.querySelector<HTMLElement>('.el-checkbox__input')?.click()
      await pause(300)
      if (staff === 'purge') press('queue-purge')
    }
    // What a room asks for is told a moment after it was opened.
    await pause(staff === 'delivery' ? 900 : 300)
    const scroll = Number(asked.get('scroll') ?? 0)
    if (scroll > 0) {
      await pause(500)
      document.querySelector('.room-scroll')?.scrollTo({ top: scroll })
    }
    for (const id of (asked.get('press') ?? '').split(',').filter(Boolean)) {
      await pause(500)
      press(id)
    }
  }
}

// The scripts that look at every scene read their list here, change the language, and wait until one stands.
Object.assign(window, { scenes: SCENES, speak })
document.documentElement.dataset.rehearsed = name
