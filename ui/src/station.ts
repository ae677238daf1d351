/**
 * The one door between the pages and the Rust side.
 *
 * Pages are a pure function of {@link view}; every touch goes back through {@link act}. Nothing else in this
 * folder calls Tauri, except the staff pages through `staff/desk.ts`.
 */
import { convertFileSrc } from '@tauri-apps/api/core'
import { computed, ref, shallowRef } from 'vue'
import { type Action, commands, events, type Guidance, type Page, type View } from './bindings'

const latest = shallowRef<View>()
const guided = shallowRef<Guidance>()
const visits = ref(0)

/** The whole screen, undefined until the station has spoken. */
export const view = computed(() => latest.value)

/** The newest guidance, forgotten whenever the framing page is left. */
export const guidance = computed(() => guided.value)

/**
 * Changes with every return to the welcome page, and with every student of a photographer's. Pictures carry it in their address, so that no cache can
 * ever show one student the photo of another.
 */
export const visit = computed(() => visits.value)

export type PageOf<K extends Page['kind']> = Extract<Page, { kind: K }>

/** Whether the face is measured for this screen: while framing, and all the time for a photographer. */
function isGuided(view: View): boolean {
  return view.page.kind === 'framing' || view.photographer !== null
}

/** Takes in a view; older ones, which can overtake each other on the way, are dropped. */
export function show(next: View): void {
  const now = latest.value
  if (now && next.revision < now.revision) return
  const over = next.page.kind === 'welcome' && now?.page.kind !== 'welcome'
  // A photographer's next student comes without a welcome page in between.
  if (over || (next.photographer?.front ?? '') !== (now?.photographer?.front ?? '')) visits.value += 1
  if (!isGuided(next)) guided.value = undefined
  latest.value = next
}

/** Listens first and asks afterwards, so that no change can fall in between. */
export async function connect(): Promise<void> {
  await events.viewChanged.listen(event => show(event.payload))
  await events.guidanceChanged.listen(event => {
    if (latest.value && isGuided(latest.value)) guided.value = event.payload
  })
  show(await commands.view())
}

/** Sends what the person did. The station's answer is the next view. */
export async function act(action: Action): Promise<void> {
  try {
    await commands.act(action)
  } catch (reason) {
    console.error('the station did not take the action', action.kind, reason)
  }
}

/** Sends what a hand-held scanner typed. */
export async function scanned(text: string): Promise<void> {
  try {
    await commands.scanned(text)
  } catch {
    // The reason could hold the text; the page simply stays as it is and the student scans again.
    console.error('the station did not take the scan')
  }
}

let lastTouch = 0

/** Any touch starts the time-out anew; once a second is often enough. */
export function touch(now: number): void {
  if (now - lastTouch < 1000) return
  lastTouch = now
  void act({ kind: 'touch' })
}

/**
 * Address of a picture on the `cam` scheme. The path is put behind the converted root, because
 * `convertFileSrc` would escape its slashes and question mark.
 */
export function picture(path: string): string {
  const root = convertFileSrc('', 'cam')
  return root.endsWith('/') ? root + path : `${root}/${path}`
}
