/** What makes the pages easier for one person: large letters by a touch, low buttons and a voice by the booth's set-up. */
import { ref } from 'vue'
import { commands } from './bindings'
import { view } from './station'
import { language } from './words'

const letters = ref(false)

/** Whether letters are large now. */
export const large = letters

/** Large letters, or the usual ones; the next student starts with the usual ones. */
export function setLarge(on: boolean): void {
  letters.value = on
  if (on) document.documentElement.dataset.letters = 'large'
  else delete document.documentElement.dataset.letters
}

/** Whether everything to press stands in the lower part of an upright screen. */
export function setReach(low: boolean): void {
  if (low) document.documentElement.dataset.reach = 'low'
  else delete document.documentElement.dataset.reach
}

/** Loudness of the sounds, 0 to 1. */
export function loudness(): number {
  return (view.value?.comfort.volume ?? 0) / 100
}

/** Says a sentence aloud, where the booth has a voice. A hint that cannot be said is still on the page. */
export function sayAloud(sentence: string): void {
  if (!view.value?.comfort.voice) return
  commands.say(sentence, language() === 'en').catch(() => undefined)
}

/** A hint is spoken once it has stood, and never so often that it becomes a chatter. */
const STOOD_MS = 600
const APART_MS = 2500

/** Speaks the newest of the sentences it is given; a flicker between two is not heard. */
export class Speaker {
  private waiting: ReturnType<typeof setTimeout> | undefined
  private said = ''
  private saidAt = -APART_MS

  hear(sentence: string): void {
    clearTimeout(this.waiting)
    if (sentence === this.said) return
    const pause = Math.max(STOOD_MS, this.saidAt + APART_MS - performance.now())
    this.waiting = setTimeout(() => {
      this.said = sentence
      this.saidAt = performance.now()
      sayAloud(sentence)
    }, pause)
  }

  hush(): void {
    clearTimeout(this.waiting)
  }
}
