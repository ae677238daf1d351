/**
 * What the framing page points at for each hint of `portrait::guide`.
 *
 * `left` and `right` are directions in the unmirrored image. The preview is a mirror, so `left` is the
 * screen's right, and that is also the student's own right hand: the arrow and the words agree.
 */
export type Pointing =
  | 'left'
  | 'right'
  | 'up'
  | 'down'
  | 'closer'
  | 'further'
  | 'roll-left'
  | 'roll-right'
  | 'turn-left'
  | 'turn-right'
  | null

export const HINTS: Record<string, Pointing> = {
  'no-face': null,
  'several-faces': null,
  closer: 'closer',
  further: 'further',
  left: 'right',
  right: 'left',
  up: 'up',
  down: 'down',
  'tilt-left': 'roll-right',
  'tilt-right': 'roll-left',
  'turn-left': 'turn-right',
  'turn-right': 'turn-left',
  'chin-up': 'up',
  'chin-down': 'down',
  'too-dark': null,
  'too-bright': null,
  'uneven-light': null,
  'open-eyes': null,
  'close-mouth': null,
  blurred: null,
  'hold-still': null,
  good: null,
}
