/** What a field of the set-up is: its name in Rust, how it is filled in, and what there is to choose. */
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Settings, SettingsView } from '../bindings'
import { inWords } from '../words'

export interface Choice {
  value: string | number
  words: string
}

export interface FieldOf<Name extends string = string> {
  name: Name
  /** `word`: one of the choices, or whatever is written. */
  kind: 'text' | 'secret' | 'number' | 'switch' | 'choice' | 'word'
  choices?: Choice[]
  step?: number
  /** A line of its own, however narrow it could be. */
  whole?: true
}

type SettingsField = FieldOf<keyof Settings>

/** The fields of the set-up, card by card; what there is to choose comes with the set-up. */
export interface SettingsFields {
  camera: SettingsField[]
  lens: SettingsField[]
  photo: SettingsField[]
  shutter: SettingsField[]
  booth: SettingsField[]
  printer: SettingsField[]
  station: SettingsField[]
  limits: SettingsField[]
}

const ANGLES = [0, 90, 180, 270]
const MAINS = [50, 60, 0]
const AUTOMATICS = ['auto', 'hold']
const FACES: Settings['booth'][] = ['self-service', 'photographer']
const OFFERS: Settings['print_sheet'][] = ['never', 'offer', 'always']
const PAPERS: Settings['receipt_paper'][] = ['80mm', 'a6']

/** A value that stands in the file and is away now is still a choice. */
function withNow(choices: Choice[], now: string): Choice[] {
  return choices.some(each => each.value === now) ? choices : [...choices, { value: now, words: now }]
}

export function useSettingsFields(
  about: () => SettingsView | undefined,
  wanted: () => Settings | undefined,
): ComputedRef<SettingsFields> {
  const { t } = useI18n()
  const said = (what: string, values: readonly (string | number)[]): Choice[] =>
    values.map(value => ({ value, words: t(`staff.settings.choices.${what}.${value}`) }))
  const named = (list: SettingsView['profiles'] | undefined): Choice[] =>
    (list ?? []).map(each => ({ value: each.id, words: inWords(each.name) }))

  const cameras = (): Choice[] => {
    const connected = (about()?.cameras ?? []).map(each => ({ value: each.id, words: each.name }))
    return withNow(
      [
        { value: 'auto', words: t('staff.settings.cameraAuto') },
        ...connected,
        { value: 'virtual', words: t('staff.settings.cameraVirtual') },
      ],
      wanted()?.camera ?? 'auto',
    )
  }
  const printers = (): Choice[] => {
    const there = (about()?.printers ?? []).map(each => ({
      value: each.name,
      words: each.trouble ? `${each.name} · ${inWords(each.trouble)}` : each.name,
    }))
    return withNow(
      [
        { value: '', words: t('staff.settings.noPrinter') },
        { value: 'auto', words: t('staff.settings.printerAuto') },
        ...there,
      ],
      wanted()?.printer ?? '',
    )
  }

  return computed(() => ({
    camera: [
      { name: 'camera', kind: 'word', choices: cameras(), whole: true },
      { name: 'width', kind: 'number', step: 160 },
      { name: 'height', kind: 'number', step: 120 },
      { name: 'fps', kind: 'number', step: 5 },
    ],
    lens: [
      { name: 'mounting', kind: 'choice', choices: said('mounting', ANGLES) },
      { name: 'mains_hertz', kind: 'choice', choices: said('mains_hertz', MAINS) },
      { name: 'zoom', kind: 'number', step: 10 },
      { name: 'exposure', kind: 'word', choices: said('automatic', AUTOMATICS) },
      { name: 'white_balance', kind: 'word', choices: said('automatic', AUTOMATICS) },
      { name: 'focus', kind: 'word', choices: said('automatic', AUTOMATICS) },
    ],
    photo: [
      {
        name: 'spec',
        kind: 'choice',
        choices: [{ value: '', words: t('staff.settings.ofProfile') }, ...named(about()?.specs)],
        whole: true,
      },
    ],
    shutter: [
      { name: 'profile', kind: 'choice', choices: named(about()?.profiles), whole: true },
      { name: 'automatic_shutter', kind: 'switch' },
      { name: 'countdown', kind: 'number' },
    ],
    booth: [
      { name: 'booth', kind: 'choice', choices: said('booth', FACES), whole: true },
      { name: 'low_buttons', kind: 'switch' },
      { name: 'voice', kind: 'switch' },
      { name: 'volume', kind: 'number', step: 10 },
    ],
    printer: [
      { name: 'printer', kind: 'word', choices: printers(), whole: true },
      { name: 'print_receipt', kind: 'choice', choices: said('offer', OFFERS) },
      { name: 'receipt_paper', kind: 'choice', choices: said('receipt_paper', PAPERS) },
      { name: 'print_sheet', kind: 'choice', choices: said('offer', OFFERS) },
      {
        name: 'sheet',
        kind: 'choice',
        choices: [{ value: '', words: t('staff.settings.ofProfile') }, ...named(about()?.sheets)],
      },
    ],
    station: [{ name: 'name', kind: 'text', whole: true }],
    limits: [
      { name: 'least_free_mb', kind: 'number', step: 100 },
      { name: 'most_waiting', kind: 'number', step: 100 },
      { name: 'oldest_waiting_days', kind: 'number' },
      { name: 'oldest_profile_days', kind: 'number' },
    ],
  }))
}
