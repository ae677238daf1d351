/**
 * The keys of a photographer's booth: a keyboard, a foot pedal, a presenter's remote and a hand-held scanner all
 * arrive here, and a scanner's letters must not be taken for commands.
 *
 * Space and the page keys act at once. Letters and digits wait for a moment: if the next one follows as fast as a
 * scanner types, they belong to a code; if none follows, they are what a finger pressed.
 */

/** Longest pause between two keys of a scanner, on a machine with much else to do. */
export const PACE_MS = 110
/** Shortest text taken for a code. */
const SHORTEST = 8
/** Enter so soon after a letter ends a scan that came too slowly, and accepts nobody's photo. */
const TOO_SOON_MS = 300

/** What keys stand for, beside letters and digits. */
const NAMED: Record<string, string> = {
  ' ': 'Space',
  Spacebar: 'Space',
  // Presenters' remotes and many foot pedals.
  PageDown: 'Space',
  Escape: 'Escape',
  Backspace: 'Backspace',
  Delete: 'Delete',
}

type Pressed = Pick<KeyboardEvent, 'key' | 'repeat' | 'ctrlKey' | 'altKey' | 'metaKey'>

export class DeskKeys {
  private burst = ''
  private last = -Infinity
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly scan: (text: string) => void,
    private readonly press: (key: string) => void,
  ) {}

  /** Takes a key pressed at `at` milliseconds; whether nobody else should have it. */
  key(event: Pressed, at: number): boolean {
    if (event.ctrlKey || event.altKey || event.metaKey) return false
    // A key held down is one press.
    if (event.repeat) return true
    const inPace = this.burst !== '' && at - this.last <= PACE_MS
    if (event.key === 'Enter') {
      const soon = at - this.last < TOO_SOON_MS
      if (inPace && this.burst.length >= SHORTEST) {
        const text = this.burst
        this.drop()
        this.scan(text)
        return true
      }
      const letter = /[A-WYZ]/i.test(this.burst) || (this.burst === '' && soon)
      this.deliver()
      if (!letter) this.press('Enter')
      return true
    }
    const isText = [...event.key].length === 1
    if (isText && (event.key !== ' ' || inPace)) {
      if (!inPace) this.deliver()
      this.burst += event.key
      this.last = at
      clearTimeout(this.timer)
      this.timer = setTimeout(() => this.deliver(), PACE_MS)
      return true
    }
    const named = NAMED[event.key]
    if (named === undefined) return event.key !== 'Shift' && event.key !== 'Tab'
    this.deliver()
    this.press(named)
    return true
  }

  /** Forgets what waits. */
  drop(): void {
    clearTimeout(this.timer)
    this.burst = ''
  }

  /** What waited was pressed by fingers, unless it is the beginning of a code that broke off. */
  private deliver(): void {
    const text = this.burst
    this.drop()
    if (text.length >= SHORTEST) return
    for (const letter of text) this.press(letter.toUpperCase())
  }
}
