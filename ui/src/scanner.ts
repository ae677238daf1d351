/**
 * Hand-held scanners that type: what they read arrives as keys, much faster than fingers, and ends with Enter.
 */

/** Longest pause between two keys of a scanner; a USB scanner needs 1–20 ms a key, fast typists 80 and more. */
const PACE_MS = 50
/** Shortest text taken for a scan: fewer keys in a row can be a burst of a key held down. */
const SHORTEST = 8

export class Scanner {
  private text = ''
  private last = -Infinity

  constructor(private readonly read: (text: string) => void) {}

  /** Takes a key pressed at `at` milliseconds; whether it belongs to a scan and nobody else should have it. */
  key(event: Pick<KeyboardEvent, 'key' | 'repeat' | 'ctrlKey' | 'altKey' | 'metaKey'>, at: number): boolean {
    const inPace = at - this.last <= PACE_MS
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) {
      this.text = ''
      return false
    }
    if (event.key === 'Shift') return false
    this.last = at
    if (event.key === 'Enter') {
      const scanned = inPace && this.text.length >= SHORTEST
      if (scanned) this.read(this.text)
      this.text = ''
      return scanned
    }
    if ([...event.key].length !== 1) {
      this.text = ''
      return false
    }
    this.text = inPace ? this.text + event.key : event.key
    return this.text.length >= SHORTEST
  }
}
