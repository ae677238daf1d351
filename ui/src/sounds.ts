/** Three short sounds. A booth without loudspeakers, or without a codec, is simply quiet. */
import done from '@assets/sounds/done.wav'
import shutter from '@assets/sounds/shutter.wav'
import steady from '@assets/sounds/steady.wav'

const FILES = { done, shutter, steady } as const

export function playSound(name: keyof typeof FILES): void {
  if (typeof Audio === 'undefined') return
  try {
    const sound = new Audio(FILES[name])
    sound.volume = 0.6
    void sound.play()?.catch(() => undefined)
  } catch {
    // No sound system: nothing is lost.
  }
}
