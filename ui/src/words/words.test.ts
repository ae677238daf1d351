import { describe, expect, it } from 'vitest'
import type {
  AlarmView,
  Booth as Face,
  LastState,
  NotPossible,
  Offer,
  OutOfService,
  PayState,
  Progress,
  ProofError,
  ReceiptPaper,
  RecordCardState,
  ScanSight,
  StepName,
  WallState,
  WorkingOn,
} from '../bindings'
import en from './en'
import { HINTS } from '../student/hints'
import zh from './zh-CN'

function keys(words: unknown, path = ''): string[] {
  if (typeof words !== 'object' || words === null) return [path]
  return Object.entries(words).flatMap(([key, value]) => keys(value, path ? `${path}.${key}` : key))
}

function placeholders(words: unknown, path = ''): string[] {
  if (typeof words === 'string') return [...words.matchAll(/\{\w+\}/g)].map(found => `${path} ${found[0]}`)
  if (typeof words !== 'object' || words === null) return []
  return Object.entries(words).flatMap(([key, value]) => placeholders(value, `${path}.${key}`))
}

/** The compiler refuses this table when Rust gains a value that is not listed. */
const everyValue: Record<string, Record<string, true>> = {
  'scan.sight': {
    nothing: true,
    'too-small': true,
    'too-close': true,
    glare: true,
    several: true,
    payment: true,
    'mini-program': true,
    health: true,
    web: true,
    'other-text': true,
    'just-used': true,
    'cut-off': true,
    'too-dark': true,
    moving: true,
    unclear: true,
    steady: true,
  } satisfies Record<ScanSight, true>,
  steps: { scan: true, identity: true, pay: true, shoot: true, submit: true } satisfies Record<
    StepName,
    true
  >,
  'prove.error': { form: true, mismatch: true } satisfies Record<ProofError, true>,
  working: { identity: true, schools: true, order: true, photo: true, saving: true } satisfies Record<
    WorkingOn,
    true
  >,
  'records.state': { open: true, rejected: true, collected: true, 'not-eligible': true } satisfies Record<
    RecordCardState,
    true
  >,
  ...Object.fromEntries(
    ['notPossible.reason', 'notPossible.todo'].map(path => [
      path,
      {
        'outside-window': true,
        'already-collected': true,
        'under-review': true,
        'waits-here': true,
        'not-eligible': true,
        'identity-mismatch': true,
        'proof-locked': true,
        'unknown-code': true,
        'code-expired': true,
        'code-in-use': true,
        'not-me': true,
        'needs-network': true,
        'could-not-save': true,
        refused: true,
      } satisfies Record<NotPossible, true>,
    ]),
  ),
  'pay.state': { waiting: true, paid: true, expired: true, unreachable: true } satisfies Record<
    PayState,
    true
  >,
  'done.progress': {
    'saved-here': true,
    delivered: true,
    approved: true,
    rejected: true,
    'needs-person': true,
  } satisfies Record<Progress, true>,
  ...Object.fromEntries(
    ['out.reason', 'out.kept', 'out.todo'].map(path => [
      path,
      {
        camera: true,
        storage: true,
        backlog: true,
        clock: true,
        profile: true,
        'not-enrolled': true,
        revoked: true,
        key: true,
        damaged: true,
        missing: true,
        newer: true,
        'in-use': true,
        staff: true,
      } satisfies Record<OutOfService, true>,
    ]),
  ),
  'desk.alarm': { changed: true, 'still-the-last': true } satisfies Record<AlarmView, true>,
  'desk.state': {
    saving: true,
    'not-saved': true,
    'saved-here': true,
    delivered: true,
    approved: true,
    rejected: true,
    'needs-person': true,
  } satisfies Record<LastState, true>,
  'staff.settings.wallStates': { none: true, fits: true, drifted: true } satisfies Record<WallState, true>,
  'staff.settings.choices.booth': { 'self-service': true, photographer: true } satisfies Record<Face, true>,
  'staff.settings.choices.offer': { never: true, offer: true, always: true } satisfies Record<Offer, true>,
  'staff.settings.choices.receipt_paper': { '80mm': true, a6: true } satisfies Record<ReceiptPaper, true>,
  'desk.wall': { none: true, fits: true, drifted: true } satisfies Record<WallState, true>,
  'framing.hint': Object.fromEntries(Object.keys(HINTS).map(hint => [hint, true as const])),
}

describe('words', () => {
  it('are the same keys in both languages', () => {
    expect(keys(en).sort()).toEqual(keys(zh).sort())
  })

  it('carry the same placeholders in both languages', () => {
    expect(placeholders(en).sort()).toEqual(placeholders(zh).sort())
  })

  it.each([
    ['zh-CN', zh],
    ['en', en],
  ])('exist in %s for every value the station can send', (_, words) => {
    const known = new Set(keys(words))
    for (const [path, values] of Object.entries(everyValue)) {
      for (const value of Object.keys(values)) expect(known).toContain(`${path}.${value}`)
    }
  })

  it('tell apart what can be wrong with a code, each with its next step', () => {
    const reasons = ['unknown-code', 'code-expired', 'code-in-use', 'already-collected'] as const
    for (const words of [zh, en]) {
      const { reason, todo } = words.notPossible
      expect(new Set(reasons.map(name => reason[name])).size).toBe(reasons.length)
      expect(new Set(reasons.map(name => todo[name])).size).toBe(reasons.length)
    }
  })

  it('never are empty', () => {
    for (const words of [zh, en]) expect(JSON.stringify(words)).not.toContain('""')
  })
})
