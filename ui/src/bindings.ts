// Stands where tauri-specta writes the types generated from Rust (src-tauri/crates/station/src/view.rs).
/* eslint-disable */
import { invoke as __TAURI_INVOKE } from '@tauri-apps/api/core'
import * as __TAURI_EVENT from '@tauri-apps/api/event'

export const commands = {
  view: () => __TAURI_INVOKE<View>('view'),
  act: (action: Action) => __TAURI_INVOKE<null>('act', { action }),
  staffLogin: (pin: string) => typedError<boolean, Failure>(__TAURI_INVOKE('staff_login', { pin })),
  staffLogout: () => __TAURI_INVOKE<null>('staff_logout'),
  queueList: (filter: QueueFilter) => typedError<QueuePage, Failure>(__TAURI_INVOKE('queue_list', { filter })),
  queueShow: (id: string) => typedError<RecordPage, Failure>(__TAURI_INVOKE('queue_show', { id })),
  queueRetry: (ids: string[]) => typedError<number, Failure>(__TAURI_INVOKE('queue_retry', { ids })),
  syncNow: () => typedError<null, Failure>(__TAURI_INVOKE('sync_now')),
  doctor: () => typedError<Finding[], Failure>(__TAURI_INVOKE('doctor')),
  quit: () => typedError<null, Failure>(__TAURI_INVOKE('quit')),
}

export const events = {
  guidanceChanged: makeEvent<GuidanceChanged>('guidance-changed'),
  viewChanged: makeEvent<ViewChanged>('view-changed'),
}

export type ViewChanged = View
export type GuidanceChanged = Guidance
export type View = {
  revision: number
  page: Page
  steps: StepName[]
  current_step: number | null
  seconds_left: number | null
  school: string
  vendor: string
  support: Support
  online: boolean
  camera: CameraView
  rehearsal: boolean
  waiting: number
}
export type Support = { phone: string; hours: string }
export type StepName = 'scan' | 'identity' | 'pay' | 'shoot' | 'submit'
export type CameraView = 'opening' | 'streaming' | 'lost' | 'broken'
export type Page =
  | { kind: 'welcome'; window: string | null }
  | { kind: 'scan'; sight: ScanSight }
  | { kind: 'prove-last-four'; error: ProofError | null; attempts_left: number }
  | { kind: 'prove-name'; levels: string[]; phone: boolean; error: ProofError | null; attempts_left: number }
  | { kind: 'find-school'; found: SchoolCard[]; nothing_found: boolean; levels: string[] }
  | { kind: 'working'; what: WorkingOn }
  | { kind: 'choose-record'; records: RecordCard[] }
  | { kind: 'confirm'; person: Person; rejection: string[] }
  | { kind: 'not-possible'; reason: NotPossible; detail: string | null }
  | { kind: 'requirements' }
  | { kind: 'pay'; amount_fen: number; qr_svg: string; expires_in: number; state: PayState }
  | { kind: 'framing'; taken: number; limit: number; countdown: number | null; refused: Remark[] }
  | { kind: 'choose-photo'; candidates: Candidate[]; may_retake: boolean }
  | { kind: 'last-look'; candidate: Candidate; person: Person | null; review_hours: number }
  | {
      kind: 'done'
      shoot_number: string
      progress: Progress
      receipt: string | null
      review_hours: number
      pay_later: boolean
    }
  | { kind: 'out-of-service'; reason: OutOfService }
export type ScanSight =
  | 'nothing'
  | 'too-small'
  | 'too-close'
  | 'glare'
  | 'several'
  | 'payment'
  | 'mini-program'
  | 'health'
  | 'web'
  | 'other-text'
  | 'just-used'
  | 'unclear'
  | 'steady'
export type ProofError = 'form' | 'mismatch'
export type WorkingOn = 'identity' | 'schools' | 'order' | 'photo' | 'saving'
export type SchoolCard = { id: string; name: string; levels: string[] }
export type RecordCard = {
  id: string
  school: string
  level: string
  major: string
  year: number
  state: RecordCardState
}
export type RecordCardState = 'open' | 'rejected' | 'collected' | 'not-eligible'
export type Person = {
  masked_name: string
  masked_id: string
  school: string
  level: string
  major: string
  year: number
}
export type NotPossible =
  | 'outside-window'
  | 'already-collected'
  | 'not-eligible'
  | 'identity-mismatch'
  | 'unknown-code'
  | 'not-me'
  | 'needs-network'
  | 'could-not-save'
  | 'refused'
export type PayState = 'waiting' | 'paid' | 'expired' | 'unreachable'
export type Remark = { code: string; zh: string; en: string }
export type Candidate = { id: number; remarks: Remark[] }
export type Progress = 'saved-here' | 'delivered' | 'approved' | 'rejected' | 'needs-person'
export type OutOfService = 'camera' | 'storage' | 'not-enrolled' | 'staff'
export type Action =
  | { kind: 'start' }
  | { kind: 'back' }
  | { kind: 'cancel' }
  | { kind: 'touch' }
  | { kind: 'search-school'; name: string; level: string }
  | { kind: 'take-school'; id: string; level: string }
  | { kind: 'last-four'; value: string }
  | { kind: 'name-and-number'; level: string; name: string; student_number: string; phone: string | null }
  | { kind: 'take-record'; id: string }
  | { kind: 'it-is-me' }
  | { kind: 'not-me' }
  | { kind: 'consent' }
  | { kind: 'pay-again' }
  | { kind: 'shoot' }
  | { kind: 'retake' }
  | { kind: 'take'; id: number }
  | { kind: 'submit' }
  | { kind: 'finish' }
export type Area = { x: number | null; y: number | null; w: number | null; h: number | null }
export type Guidance = {
  frame: number
  frame_width: number
  frame_height: number
  face: Area | null
  crop: Area
  crown_band: [number | null, number | null]
  eye_band: [number | null, number | null]
  face_width: [number | null, number | null]
  hint: string
  ready: boolean
  hold: number | null
}

export type Failure = { code: FailureCode; detail: string }
export type FailureCode = 'staff-only' | 'locked' | 'no-pin' | 'not-found' | 'records' | 'offline'
export type QueueFilter = { state: string | null; search: string | null; offset: number; limit: number }
export type QueueRow = {
  id: string
  tag: string
  shoot_number: string
  state: string
  masked_name: string
  school: string
  submitted_at: string
  attempts: number
  note: string | null
}
export type QueuePage = { rows: QueueRow[]; total: number; counts: StateCount[] }
export type StateCount = { state: string; count: number }
export type RecordPage = {
  row: QueueRow
  history: HistoryLine[]
  report: string
  standard_sha256: string
  receipt: string | null
  reasons: string[]
  photos: boolean
}
export type HistoryLine = { at: string; what: string; detail: string }
export type Finding = {
  subject: string
  state: FindingState
  zh: string
  en: string
  todo_zh: string
  todo_en: string
}
export type FindingState = 'fine' | 'warning' | 'broken'

/* Tauri Specta runtime */
async function typedError<T, E>(
  result: Promise<T>,
): Promise<{ status: 'ok'; data: T } | { status: 'error'; error: E }> {
  try {
    return { status: 'ok', data: await result }
  } catch (e) {
    if (e instanceof Error) throw e
    return { status: 'error', error: e as any }
  }
}

function makeEvent<T>(name: string) {
  return {
    listen: (cb: __TAURI_EVENT.EventCallback<T>) => __TAURI_EVENT.listen<T>(name, cb),
    once: (cb: __TAURI_EVENT.EventCallback<T>) => __TAURI_EVENT.once<T>(name, cb),
    emit: (payload: T) => __TAURI_EVENT.emit(name, payload),
  }
}
