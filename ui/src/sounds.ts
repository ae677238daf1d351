/** Three short sounds. A booth without loudspeakers, or without a codec, is simply quiet. */
import done from '@assets/sounds/done.wav'
import shutter from '@assets/sounds/shutter.wav'
import steady from '@assets/sounds/steady.wav'
import { loudness } from './comfort'

const FILES = { done, shutter, steady } as const

export function playSound(name: keyof typeof FILES): void {
  if (typeof Audio === 'undefined' || loudness() === 0) return
  try {
    const sound = new Audio(FILES[name])
    sound.volume = loudness()
    void sound.play()?.catch(() => undefined)
  } catch {
    // No sound system: nothing is lost.
  }
}
