/**
 * Hand-held scanners that type: what they read arrives as keys, much faster than fingers, and ends with Enter.
 */

/** Longest pause between two keys of a scanner, in the mean; a USB scanner needs 1–20 ms a key, typists 60 and more. */
const PACE_MS = 50
/** Longest single pause inside a scan: the page was busy drawing, or a wireless link lost its turn. */
const STALL_MS = 250
/** Shortest text taken for a scan: fewer keys in a row can be a burst of a key held down. */
const SHORTEST = 8

export class Scanner {
  private text = ''
  /** When the first and the last key of the text were pressed. */
  private first = 0
  private last = -Infinity
  /** Keys since the last pause longer than the pace. */
  private run = 0

  constructor(private readonly read: (text: string) => void) {}

  /** Takes a key pressed at `at` milliseconds; whether it belongs to a scan and nobody else should have it. */
  key(event: Pick<KeyboardEvent, 'key' | 'repeat' | 'ctrlKey' | 'altKey' | 'metaKey'>, at: number): boolean {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) {
      this.text = ''
      return false
    }
    if (event.key === 'Shift') return false
    const pause = at - this.last
    this.last = at
    if (event.key === 'Enter') {
      const scanned = pause <= STALL_MS && this.isScan()
      if (scanned) this.read(this.text)
      this.text = ''
      return scanned
    }
    if ([...event.key].length !== 1) {
      this.text = ''
      return false
    }
    // A key that stood alone before a pause was a finger's.
    const goesOn = this.text !== '' && (pause <= PACE_MS || (pause <= STALL_MS && this.run > 1))
    if (!goesOn) this.first = at
    this.run = goesOn && pause <= PACE_MS ? this.run + 1 : 1
    this.text = goesOn ? this.text + event.key : event.key
    return this.isScan()
  }

  private isScan(): boolean {
    const { length } = this.text
    return length >= SHORTEST && this.last - this.first <= PACE_MS * (length - 1)
  }
}
