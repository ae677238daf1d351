/**
 * A photo standard by its own file, the one the station is built with: what is drawn here, and what tests compare with,
 * are its numbers and no copy of them.
 */
import file from '@assets/specs/national-blue.toml?raw'
import type { Guidance, SpecView } from '../bindings'

function found(form: string): string[] {
  const match = new RegExp(`^${form}`, 'm').exec(file)
  if (!match) throw new Error(`the photo standard has no ${form}`)
  return match.slice(1)
}
const count = (name: string): number => Number(found(`${name} = (\\d+)`)[0])
const words = (name: string): string => found(`${name} = "(.*)"`)[0] ?? ''
function band(name: string): [number, number] {
  const [least, most] = found(`${name} = \\{ min = (\\d+), max = (\\d+) \\}`)
  return [Number(least), Number(most)]
}
function colour(): [number, number, number] {
  const [r, g, b] = found('background = \\[(\\d+), (\\d+), (\\d+)\\]').map(Number)
  return [r ?? 0, g ?? 0, b ?? 0]
}

export const SPEC: SpecView = {
  id: words('id'),
  name: { zh: words('name_zh'), en: words('name_en') },
  width: count('width'),
  height: count('height'),
  dpi: count('dpi'),
  background: colour(),
  crown: band('crown'),
  eyes: band('eyes'),
  face_width: band('face_width'),
  bytes: [count('min_bytes'), count('max_bytes')],
  quality: count('min_quality'),
}

/** What the station sends of it with every frame: shares of the final photo. */
export function guidesOf(spec: SpecView): Pick<Guidance, 'crown_band' | 'eye_band' | 'face_width'> {
  const shares = (limits: readonly (number | null)[], whole: number): [number, number] => [
    (limits[0] ?? 0) / whole,
    (limits[1] ?? 0) / whole,
  ]
  return {
    crown_band: shares(spec.crown, spec.height),
    eye_band: shares(spec.eyes, spec.height),
    face_width: shares(spec.face_width, spec.width),
  }
}
