/**
 * One view of every page, for the rehearsal in a browser and for component tests. Nobody in here is real.
 */
import type {
  Finding,
  Guidance,
  Page,
  Person,
  PhotographerView,
  Printouts,
  QueueRow,
  RecordPage,
  Sending,
  StepName,
  TimingReading,
  View,
} from '../bindings'
import { guidesOf, SPEC } from './spec'

const person: Person = {
  masked_name: '林*禾',
  masked_id: '11********1234',
  school: '示例大学',
  level: '本科',
  major: '信息与计算科学',
  year: 2027,
}

const QR =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29" shape-rendering="crispEdges"><rect width="29" height="29" fill="#fff"/><path fill="#000" d="' +
  Array.from({ length: 29 * 29 }, (_, i) => [i % 29, Math.floor(i / 29)] as const)
    .filter(([x, y]) => {
      const u = Math.min(x < 15 ? x : 28 - x, 28)
      const v = Math.min(y < 15 ? y : 28 - y, 28)
      const corner = u < 8 && v < 8 && !(x > 14 && y > 14)
      if (corner) return Math.max(Math.abs(u - 3), Math.abs(v - 3)) !== 2 && u < 7 && v < 7
      return (x * 7919 + y * 104729 + x * y * 31) % 97 < 47
    })
    .map(([x, y]) => `M${x} ${y}h1v1h-1z`)
    .join('') +
  '"/></svg>'

const short = { code: 'hair', zh: '头发略微挡住眉毛，可能会被审核老师退回', en: 'Hair touches the eyebrows' }

/** Since when a booth is out of service. */
const SINCE = '2027-10-09T01:20:00Z'

/** Every page by the name the rehearsal's address uses. */
export const PAGES = {
  welcome: { kind: 'welcome', window: '10月9日–19日', interrupted: false },
  'welcome-interrupted': { kind: 'welcome', window: '10月9日–19日', interrupted: true },
  scan: { kind: 'scan', sight: 'nothing' },
  'scan-too-dark': { kind: 'scan', sight: 'too-dark' },
  'scan-too-small': { kind: 'scan', sight: 'too-small' },
  'scan-too-close': { kind: 'scan', sight: 'too-close' },
  'scan-cut-off': { kind: 'scan', sight: 'cut-off' },
  'scan-glare': { kind: 'scan', sight: 'glare' },
  'scan-moving': { kind: 'scan', sight: 'moving' },
  'scan-unclear': { kind: 'scan', sight: 'unclear' },
  'scan-several': { kind: 'scan', sight: 'several' },
  'scan-payment': { kind: 'scan', sight: 'payment' },
  'scan-mini-program': { kind: 'scan', sight: 'mini-program' },
  'scan-health': { kind: 'scan', sight: 'health' },
  'scan-web': { kind: 'scan', sight: 'web' },
  'scan-other-text': { kind: 'scan', sight: 'other-text' },
  'scan-just-used': { kind: 'scan', sight: 'just-used' },
  'scan-steady': { kind: 'scan', sight: 'steady' },
  'prove-last-four': { kind: 'prove-last-four', error: null, attempts_left: 3 },
  'prove-last-four-again': { kind: 'prove-last-four', error: 'mismatch', attempts_left: 2 },
  'prove-name': {
    kind: 'prove-name',
    levels: ['专科', '本科', '硕士'],
    phone: true,
    error: null,
    attempts_left: 3,
  },
  'find-school': {
    kind: 'find-school',
    found: [
      { id: 's1', name: '示例大学', levels: ['专科', '本科', '硕士'] },
      { id: 's2', name: '示例科技大学', levels: ['本科'] },
      { id: 's3', name: '示例职业技术学院', levels: ['专科'] },
    ],
    nothing_found: false,
    levels: ['专科', '本科', '硕士'],
  },
  'find-school-nothing': {
    kind: 'find-school',
    found: [],
    nothing_found: true,
    levels: ['专科', '本科', '硕士'],
  },
  working: { kind: 'working', what: 'photo' },
  'choose-record': {
    kind: 'choose-record',
    records: [
      { id: 'r1', school: '示例大学', level: '本科', major: '信息与计算科学', year: 2027, state: 'open' },
      { id: 'r2', school: '示例大学', level: '本科', major: '英语（辅修）', year: 2027, state: 'rejected' },
      {
        id: 'r3',
        school: '示例职业技术学院',
        level: '专科',
        major: '软件技术',
        year: 2024,
        state: 'collected',
      },
    ],
  },
  confirm: { kind: 'confirm', person, rejection: [] },
  'confirm-rejected': {
    kind: 'confirm',
    person,
    rejection: [{ code: 'glasses-glare', zh: '镜片反光', en: 'Glare on the glasses' }],
  },
  'confirm-rejected-words': {
    kind: 'confirm',
    person,
    rejection: [
      { code: 'background', zh: '背景不均匀或有阴影', en: 'Background uneven or with a shadow' },
      { code: 'note', zh: '请站到灯光中间', en: '请站到灯光中间' },
    ],
  },
  'not-possible': { kind: 'not-possible', reason: 'outside-window', detail: '本校采集时间为 10月9日–19日' },
  'not-possible-unknown': { kind: 'not-possible', reason: 'unknown-code', detail: null },
  'not-possible-expired': { kind: 'not-possible', reason: 'code-expired', detail: null },
  'not-possible-elsewhere': { kind: 'not-possible', reason: 'code-in-use', detail: null },
  'not-possible-collected': { kind: 'not-possible', reason: 'already-collected', detail: null },
  'not-possible-waits-here': { kind: 'not-possible', reason: 'waits-here', detail: null },
  'not-possible-under-review': { kind: 'not-possible', reason: 'under-review', detail: null },
  'not-possible-network': { kind: 'not-possible', reason: 'needs-network', detail: null },
  requirements: { kind: 'requirements' },
  pay: { kind: 'pay', amount_fen: 1500, qr_svg: QR, expires_in: 272, state: 'waiting' },
  'pay-paid': { kind: 'pay', amount_fen: 1500, qr_svg: QR, expires_in: 200, state: 'paid' },
  'pay-expired': { kind: 'pay', amount_fen: 1500, qr_svg: QR, expires_in: 0, state: 'expired' },
  framing: { kind: 'framing', taken: 0, limit: 3, countdown: null, refused: [] },
  'framing-good': { kind: 'framing', taken: 1, limit: 3, countdown: null, refused: [] },
  'framing-refused': {
    kind: 'framing',
    taken: 1,
    limit: 3,
    countdown: null,
    refused: [
      { code: 'tilted', zh: '头有点歪（6.2°，要求不超过 4°）', en: 'The head is tilted (6.2°, at most 4°)' },
      { code: 'too-dark', zh: '脸上光线偏暗', en: 'The face is a little dark' },
    ],
  },
  countdown: { kind: 'framing', taken: 0, limit: 3, countdown: 3, refused: [] },
  'choose-photo': {
    kind: 'choose-photo',
    candidates: [
      { id: 1, remarks: [short] },
      { id: 2, remarks: [] },
      { id: 3, remarks: [] },
    ],
    may_retake: false,
  },
  'choose-photo-one': { kind: 'choose-photo', candidates: [{ id: 1, remarks: [] }], may_retake: true },
  'last-look': { kind: 'last-look', candidate: { id: 2, remarks: [] }, person, review_hours: 48 },
  'last-look-offline': {
    kind: 'last-look',
    candidate: { id: 2, remarks: [short] },
    person: null,
    review_hours: 48,
  },
  done: {
    kind: 'done',
    shoot_number: 'A-0137',
    progress: 'delivered',
    receipt: 'R-20271009-000137',
    review_hours: 48,
    pay_later: false,
  },
  'done-offline': {
    kind: 'done',
    shoot_number: 'A-0138',
    progress: 'saved-here',
    receipt: null,
    review_hours: 48,
    pay_later: true,
  },
  'done-printing': {
    kind: 'done',
    shoot_number: 'A-0139',
    progress: 'delivered',
    receipt: 'R-20271009-000139',
    review_hours: 48,
    pay_later: false,
  },
  'done-no-paper': {
    kind: 'done',
    shoot_number: 'A-0140',
    progress: 'delivered',
    receipt: 'R-20271009-000140',
    review_hours: 48,
    pay_later: false,
  },
  'out-of-service': { kind: 'out-of-service', reason: 'camera', since: SINCE },
  'out-of-service-revoked': { kind: 'out-of-service', reason: 'revoked', since: SINCE },
  'out-of-service-key': { kind: 'out-of-service', reason: 'key', since: SINCE },
  'out-of-service-damaged': { kind: 'out-of-service', reason: 'damaged', since: SINCE },
} as const satisfies Record<string, DeepReadonly<Page>>

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

export type Sample = keyof typeof PAGES

const STEPS: StepName[] = ['scan', 'identity', 'pay', 'shoot', 'submit']
const STEP_OF: Record<Page['kind'], StepName | null> = {
  welcome: null,
  'out-of-service': null,
  scan: 'scan',
  'find-school': 'identity',
  'prove-last-four': 'identity',
  'prove-name': 'identity',
  working: 'shoot',
  'choose-record': 'identity',
  confirm: 'identity',
  'not-possible': 'identity',
  requirements: 'shoot',
  pay: 'pay',
  framing: 'shoot',
  'choose-photo': 'shoot',
  'last-look': 'submit',
  done: 'submit',
}

/** Paper on the last page, at a booth with a printer. */
const PRINTOUTS: Partial<Record<Sample, Printouts>> = {
  done: { receipt: { kind: 'offered' }, sheet: { kind: 'offered' } },
  'done-printing': { receipt: { kind: 'printed' }, sheet: { kind: 'printing', waits_for: null } },
  'done-no-paper': {
    receipt: { kind: 'failed', why: 'offline' },
    sheet: { kind: 'printing', waits_for: 'out-of-paper' },
  },
}

export function isSample(name: string): name is Sample {
  return name in PAGES
}

/** The whole screen around a sample page. */
export function sampleView(name: Sample, change: Partial<View> = {}): View {
  const page = structuredClone(PAGES[name]) as Page
  const step = STEP_OF[page.kind]
  return {
    revision: 1,
    page,
    steps: STEPS,
    current_step: step ? STEPS.indexOf(step) : null,
    seconds_left: page.kind === 'done' ? 15 : null,
    school: '示例大学',
    vendor: '毕业证照',
    support: { phone: '010-00000000', hours: '9:00–17:00，周一休息' },
    online: !name.includes('offline'),
    camera: 'streaming',
    rehearsal: false,
    waiting: 3,
    photographer: null,
    printouts: PRINTOUTS[name] ?? null,
    comfort: { low_buttons: false, volume: 60, voice: false },
    ...change,
  }
}

const LAST_NAMES = ['周*', '白*远', '江*月', '何*', '林*禾', '苏*']

/** A photographer's screen in the middle of a busy morning. */
export function sampleDesk(change: Partial<PhotographerView> = {}): PhotographerView {
  return {
    front: '0190-front',
    tag: 'K7Q2-41',
    person,
    next: 'M3X9-07',
    school: '示例大学',
    sight: null,
    alarm: null,
    may_force: false,
    tethered: false,
    save_failing: false,
    last: LAST_NAMES.map((masked_name, place) => ({
      id: `0190-${place}`,
      shoot_number: place === 0 ? null : `A-0${137 - place}`,
      masked_name,
      state: place === 0 ? 'saving' : place === 1 ? 'saved-here' : 'delivered',
      remarks: place === 3 ? [short] : [],
      forced: place === 4,
    })),
    counters: { today: 136, last_hour: 121, seconds: 27 },
    light: { level: 60, balance: -5, hints: [] },
    wall: { state: 'fits', hint: null },
    put_aside: 0,
    put_aside_why: null,
    ...change,
  }
}

/** A photographer's screen by the name the rehearsal's address uses: `desk=alarm`. */
export const DESKS: Record<string, Partial<PhotographerView>> = {
  busy: {},
  alarm: { alarm: 'changed' },
  still: { alarm: 'still-the-last' },
  idle: {
    front: '',
    tag: null,
    person: null,
    next: null,
    last: [],
    counters: { today: 0, last_hour: 0, seconds: null },
    light: { level: null, balance: null, hints: [] },
    wall: { state: 'none', hint: null },
  },
  refused: {
    may_force: true,
    next: null,
    light: {
      level: 35,
      balance: -40,
      hints: [
        { code: 'left-dark', zh: '左侧偏暗：请加亮左灯', en: 'Left side dark: turn the left lamp up' },
        { code: 'too-yellow', zh: '偏黄：请设白平衡', en: 'Yellowish: set the white balance' },
      ],
    },
    wall: {
      state: 'drifted',
      hint: {
        code: 'wall-light',
        zh: '灯光亮度变了：请重拍背景',
        en: 'The light has changed: take the wall again',
      },
    },
  },
  tethered: {
    tethered: true,
    put_aside: 2,
    put_aside_why: {
      code: 'between-visits',
      zh: '拍摄时没有同学在等待',
      en: 'nobody was waiting for a photo',
    },
  },
}

/** Guidance as the station measures it on the drawn student. */
export function sampleGuidance(change: Partial<Guidance> = {}): Guidance {
  return {
    frame: 1,
    frame_width: 1280,
    frame_height: 720,
    face: { x: 0.415, y: 0.29, w: 0.17, h: 0.42 },
    crop: { x: 0.328, y: 0.0625, w: 0.344, h: 0.815 },
    ...guidesOf(SPEC),
    hint: 'closer',
    ready: false,
    hold: 0,
    ...change,
  }
}

const STATES = ['approved', 'delivered', 'under-review', 'saved', 'rejected', 'needs-person']

export function sampleRow(place: number): QueueRow {
  const state = STATES[place % 7] ?? 'approved'
  return {
    id: `0190-${place}`,
    tag: `K7Q2-${String(place % 100).padStart(2, '0')}`,
    shoot_number: `A-${String(place).padStart(4, '0')}`,
    state: state === 'needs-person' ? 'needs-person/payment' : state,
    masked_name: place % 9 === 0 ? '' : (['林*禾', '周*', '白*远', '江*月'][place % 4] ?? ''),
    school: ['示例大学', '示例科技大学'][place % 2] ?? '',
    submitted_at: new Date(Date.UTC(2027, 9, 9, 1, 0, place * 11)).toISOString(),
    attempts: state === 'saved' ? 0 : 1 + (place % 3),
    note: state === 'needs-person' ? '采集单位拒绝了这次提交' : null,
  }
}

export function sampleRecord(place: number): RecordPage {
  const check = {
    value: null,
    min: null,
    max: null,
    unit: '',
    source: '教毕指〔2017〕99号',
    rule: '',
  }
  return {
    row: { ...sampleRow(place), state: 'rejected' },
    studies: '本科 · 测绘工程 · 2027',
    spec: 'national-blue',
    started_at: '2027-10-09T00:59:12Z',
    captured_at: '2027-10-09T00:59:51Z',
    candidates: 3,
    forced_reason: null,
    paid: true,
    history: [
      { at: '2027-10-09T01:00:00Z', actor: 'student', what: 'submitted', detail: '' },
      { at: '2027-10-09T01:00:02Z', actor: 'station', what: 'attempt-begun', detail: '' },
      {
        at: '2027-10-09T01:00:17Z',
        actor: 'station',
        what: 'attempt-failed',
        detail: 'no answer within 15 s',
      },
      { at: '2027-10-09T01:01:03Z', actor: 'station', what: 'attempt-begun', detail: '' },
      { at: '2027-10-09T01:01:04Z', actor: 'backend', what: 'receipt', detail: 'R-20271009-000137' },
      { at: '2027-10-10T08:12:00Z', actor: 'backend', what: 'rejected', detail: '镜片反光' },
    ],
    attempts: [
      {
        number: 1,
        started_at: '2027-10-09T01:00:02Z',
        seconds: 15,
        outcome: 'failed',
        detail: 'no answer within 15 s',
      },
      {
        number: 2,
        started_at: '2027-10-09T01:01:03Z',
        seconds: 0.8,
        outcome: 'delivered',
        detail: 'R-20271009-000137',
      },
    ],
    checks: [
      {
        ...check,
        code: 'crown',
        light: 'green',
        value: 82.4,
        min: 50,
        max: 110,
        unit: 'px',
        zh: '头顶位置合适',
        en: 'The crown is in its band',
        rule: '头顶发际距上边沿 50–110 像素',
      },
      {
        ...check,
        code: 'eyes',
        light: 'green',
        value: 246.1,
        min: 200,
        max: 300,
        unit: 'px',
        zh: '眼睛位置合适',
        en: 'The eyes are in their band',
        rule: '眼睛所在位置距上边沿 200–300 像素',
      },
      {
        ...check,
        code: 'lens-glare',
        light: 'amber',
        value: 0.034,
        max: 0.02,
        zh: '镜片有反光，可能被退回',
        en: 'There is glare on the glasses: a reviewer might object',
        rule: '镜片无反光',
      },
      {
        ...check,
        code: 'natural',
        light: 'for-reviewer',
        zh: '是否化妆由审核员判断',
        en: 'Make-up is for the reviewer to judge',
      },
    ],
    report: '{}',
    original_sha256: '11'.repeat(32),
    standard_sha256: '9f2c61a0c4e1b8d7a6f5049382716e5d4c3b2a190817263544536271809fafbc',
    receipt: 'R-20271009-000137',
    reasons: ['镜片反光'],
    photos: true,
  }
}

/** How long people wait. */
export const TIMING: TimingReading = {
  captured_fps: 30,
  shown_fps: 29.4,
  frame_to_screen: { count: 300, p50: 41, p95: 62 },
  scan_to_page: { count: 87, p50: 58, p95: 88 },
  page_drawn: { count: 300, p50: 24, p95: 41 },
  develop: { count: 121, p50: 277, p95: 301 },
  save: { count: 87, p50: 5.2, p95: 7.3 },
  visits: Array.from({ length: 14 }, (_, i) => ({
    ended_at: new Date(Date.UTC(2027, 9, 9, 3, 40 - i * 2, (i * 17) % 60)).toISOString(),
    seconds: 42 + ((i * 13) % 31),
    machine_ms: i === 5 ? 1240 : 610 + ((i * 71) % 220),
  })),
}

/** How the sending goes. */
export const SENDING = {
  busy: {
    waiting: 88,
    sent: 131,
    per_minute: 42.5,
    seconds_left: 125,
    offline_since: null,
    next_try_at: null,
  },
  offline: {
    waiting: 88,
    sent: 131,
    per_minute: null,
    seconds_left: null,
    offline_since: '2027-10-09T06:32:11Z',
    next_try_at: '2027-10-09T06:47:30Z',
  },
  done: {
    waiting: 0,
    sent: 219,
    per_minute: null,
    seconds_left: null,
    offline_since: null,
    next_try_at: null,
  },
} as const satisfies Record<string, Sending>

export const FINDINGS: Finding[] = [
  {
    subject: 'camera',
    state: 'fine',
    zh: '1280×720，29.8 帧/秒',
    en: '1280×720, 29.8 fps',
    todo_zh: '',
    todo_en: '',
  },
  {
    subject: 'database',
    state: 'fine',
    zh: '已加密，完整',
    en: 'Encrypted, intact',
    todo_zh: '',
    todo_en: '',
  },
  {
    subject: 'disk',
    state: 'warning',
    zh: '剩余 3.1 GB',
    en: '3.1 GB left',
    todo_zh: '清理磁盘，或缩短保留期限',
    todo_en: 'Free some space or shorten the retention',
  },
  {
    subject: 'backend',
    state: 'broken',
    zh: '没有应答，3 条记录等待上传',
    en: 'No answer, 3 records wait',
    todo_zh: '检查网线和路由器；照片已安全保存',
    todo_en: 'Check the network; the photos are safe',
  },
]
