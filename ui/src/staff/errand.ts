/** The long work under way, shared by all rooms: it goes on while staff walk from one to the next. */
import { computed, ref } from 'vue'
import type { Errand, ErrandView } from '../bindings'
import { ask, commands } from './desk'

const LOOK_MS = 500
const now = ref<ErrandView | null>(null)
let clock: ReturnType<typeof setInterval> | undefined

export const errand = computed(() => now.value)
export const busy = computed(() => now.value !== null && now.value.ended === null)

/** Rises when an errand ends: lists read themselves anew. */
export const finished = ref(0)

/** Looks once, and goes on looking while something is under way. */
export async function lookAtErrand(): Promise<void> {
  const told = await commands.errandView().catch(() => undefined)
  if (told?.status !== 'ok') return leaveErrand()
  if (busy.value && told.data?.ended) finished.value += 1
  now.value = told.data
  if (!busy.value) clearInterval(clock)
}

/** True once it is under way. */
export async function beginErrand(what: Errand): Promise<boolean> {
  const begun = await ask(commands.errandBegin(what))
  if (!begun) return false
  clearInterval(clock)
  clock = setInterval(() => void lookAtErrand(), LOOK_MS)
  now.value = {
    kind: what.kind,
    total: 0,
    done: 0,
    per_minute: null,
    seconds_left: null,
    stopping: false,
    ended: null,
  }
  await lookAtErrand()
  return true
}

/** On coming back to the desk: what was left running is shown again. */
export async function resumeErrand(): Promise<void> {
  await lookAtErrand()
  if (busy.value) {
    clearInterval(clock)
    clock = setInterval(() => void lookAtErrand(), LOOK_MS)
  }
}

export async function clearErrand(): Promise<void> {
  await ask(commands.errandClear())
  now.value = null
}

/** Staff have gone: nothing is asked any more, what runs goes on. */
export function leaveErrand(): void {
  clearInterval(clock)
  now.value = null
}
