/**
 * Every scene there is to look at: a name and the rehearsal's address for it. Screenshots are taken of each, and
 * each is looked at by axe; a page that is not here is a page nobody looked at.
 */
import { DESKS, PAGES } from './samples'

export interface Scene {
  name: string
  /** What stands behind `rehearsal.html?`, without the language. */
  ask: string
  /** Who looks at it. */
  role: 'student' | 'staff' | 'photographer'
  /** Pages that only exist on a wide screen: a photographer's monitor. */
  wide?: true
  /** Differs from a scene before it by words and a drawing alone: photographed, but not examined again. */
  alike?: boolean
}

const HINTS = [
  'no-face',
  'further',
  'left',
  'turn-left',
  'tilt-right',
  'chin-up',
  'close-mouth',
  'uneven-light',
]

/** Pages with something to press, as a booth set up for wheelchair users shows them. */
const REACHED = ['welcome', 'choose-record', 'prove-name', 'choose-photo', 'requirements'] as const
const ALIKE = /^(scan|not-possible|out-of-service)-/
const student: Scene[] = [
  ...Object.keys(PAGES).map(name => ({ name, ask: `page=${name}`, alike: ALIKE.test(name) })),
  ...HINTS.map(hint => ({ name: `framing-${hint}`, ask: `page=framing&hint=${hint}`, alike: true })),
  { name: 'prove-last-four-typed', ask: 'page=prove-last-four&type=12' },
  { name: 'still-there', ask: 'page=confirm&left=8' },
  { name: 'help-fetch', ask: 'page=scan&help=fetch' },
  { name: 'help-wear', ask: 'page=framing&help=wear' },
  { name: 'help-contact', ask: 'page=confirm&help=contact' },
  { name: 'framing-camera-away', ask: 'page=framing&away=1' },
  ...REACHED.map(name => ({ name: `low-${name}`, ask: `page=${name}&low=1`, alike: false })),
  { name: 'rehearsal', ask: 'page=welcome&rehearsal=1' },
].map(scene => ({ ...scene, role: 'student' as const }))

const ROOMS = ['pin', 'queue', 'record', 'day', 'callback', 'delivery', 'settings', 'doctor', 'about']
/** A scene of its own for what only another booth's room shows, or what stands below the edge of a screen. */
const MORE_ROOMS: Record<string, string> = {
  'settings-below': 'staff=settings&scroll=1200',
  'settings-photographer': 'page=welcome&desk=idle&staff=settings&scroll=1200',
  purge: 'staff=purge',
  going: 'staff=queue&errand=1',
}
const staff: Scene[] = [
  ...ROOMS.map(room => ({ name: `staff-${room}`, ask: `staff=${room}` })),
  ...Object.entries(MORE_ROOMS).map(([name, ask]) => ({ name: `staff-${name}`, ask })),
].map(scene => ({ ...scene, role: 'staff' as const }))

const photographer: Scene[] = Object.keys(DESKS).map(desk => ({
  name: `desk-${desk}`,
  ask: `page=${desk === 'idle' ? 'welcome' : desk === 'refused' ? 'framing-refused' : 'framing'}&desk=${desk}`,
  role: 'photographer' as const,
  wide: true as const,
}))

export const SCENES: readonly Scene[] = [...student, ...staff, ...photographer]
