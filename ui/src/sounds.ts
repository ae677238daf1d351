/** Three short sounds. A booth without loudspeakers, or without a codec, is simply quiet. */
import done from '@assets/sounds/done.wav'
import shutter from '@assets/sounds/shutter.wav'
import steady from '@assets/sounds/steady.wav'
import { loudness } from './comfort'

const FILES = { done, shutter, steady } as const

/** In the order of a visit. */
export const SOUNDS = ['steady', 'shutter', 'done'] as const satisfies (keyof typeof FILES)[]

/** As loud as the booth is set up, or as it is being set up. */
export function playSound(name: keyof typeof FILES, volume = loudness()): void {
  if (typeof Audio === 'undefined' || volume === 0) return
  try {
    const sound = new Audio(FILES[name])
    sound.volume = Math.min(1, Math.max(0, volume))
    void sound.play()?.catch(() => undefined)
  } catch {
    // No sound system: nothing is lost.
  }
}
