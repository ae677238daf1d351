/**
 * The page's sign of life. A page that stays silent is put up again by the program; a hidden one may be slowed down
 * until it cannot speak in time, and says so.
 */
import { commands } from './bindings'

const EVERY_MS = 2000

function speak(): void {
  commands.alive(document.visibilityState === 'visible').catch(() => {
    // Silence says it as well.
  })
}

/** Speaks from now on; what it gives back ends it. */
export function beat(): () => void {
  speak()
  const clock = setInterval(speak, EVERY_MS)
  document.addEventListener('visibilitychange', speak)
  return () => {
    clearInterval(clock)
    document.removeEventListener('visibilitychange', speak)
  }
}
