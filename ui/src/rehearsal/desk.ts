/** What the staff's rooms show in the rehearsal: invented, but of the size a term has. */
import type {
  CallbackRow,
  DayView,
  Errand,
  ErrandView,
  FolderView,
  Foresight,
  LiveView,
  QueueFilter,
  QueuePage,
  Settings,
  SettingsView,
} from '../bindings'
import { sampleRow } from './samples'
import { SPEC } from './spec'

const QUEUE = 24_317

export function queue(filter: QueueFilter): QueuePage {
  const total = filter.state ? 42 : filter.search ? 3 : QUEUE
  const place = (index: number): number => (filter.oldest_first ? index + 1 : QUEUE - index)
  const rows = Array.from({ length: Math.max(0, Math.min(filter.limit, total - filter.offset)) }, (_, i) =>
    sampleRow(place(filter.offset + i)),
  ).map(row => (filter.state ? { ...row, state: filter.state } : row))
  const counts = [
    { state: 'needs-person', count: 2 },
    { state: 'saved', count: 3 },
    { state: 'delivered', count: 42 },
    { state: 'under-review', count: 118 },
    { state: 'approved', count: 24_141 },
    { state: 'rejected', count: 11 },
  ]
  return { rows, total, counts }
}

export function foresight(errand: Errand): Foresight {
  const nothing: Foresight = { takes: 0, leaves: [], examples: [], hindrance: null }
  switch (errand.kind) {
    case 'import':
      return { ...nothing, examples: ['bundle'] }
    case 'deliver':
      return errand.template.includes('{school}')
        ? {
            takes: 24_141,
            examples: [1, 2, 3].map(n => `示例大学/2027/ar-00${n}-1.jpg`),
            leaves: [
              {
                why: {
                  zh: '与另一条记录同名，请在命名规则里加上 {shoot_number} 或 {record}',
                  en: 'another record would have the same name: add {shoot_number} or {record}',
                },
                count: 2,
                examples: ['A-0017', 'A-0204'],
              },
            ],
            hindrance: null,
          }
        : {
            ...nothing,
            hindrance: { zh: '没有 {name} 这一项', en: 'there is no field {name}' },
          }
    default:
      return {
        takes: 12,
        examples: ['A-0017', 'A-0018'],
        leaves: [
          { why: { zh: '已送达', en: 'delivered already' }, count: 2, examples: ['A-0021', 'A-0022'] },
          { why: { zh: '照片已删除', en: 'the photos are deleted' }, count: 1, examples: ['A-0009'] },
        ],
        hindrance: null,
      }
  }
}

export const GOING: ErrandView = {
  kind: 'deliver',
  total: 24_141,
  done: 9120,
  per_minute: 11_400,
  seconds_left: 79,
  stopping: false,
  ended: null,
}

export function folders(path: string): FolderView {
  const view = { path, parent: '', more: false, trouble: null, free_mb: 28_912 }
  const entry = { folder: true, kb: null }
  if (!path)
    return {
      ...view,
      free_mb: null,
      entries: [
        { ...entry, name: 'KINGSTON', path: '/media/booth/KINGSTON', place: 'stick' },
        { ...entry, name: '文档', path: '/home/booth/文档', place: 'documents' },
        { ...entry, name: '下载', path: '/home/booth/下载', place: 'downloads' },
      ],
    }
  return {
    ...view,
    entries: [
      { ...entry, name: '2027届', path: `${path}/2027届`, place: null },
      { ...entry, name: '合同', path: `${path}/合同`, place: null },
      { name: 'booth-2.age', path: `${path}/booth-2.age`, folder: false, kb: 14_208, place: null },
    ],
  }
}

export function day(days: number): DayView {
  const shape =
    days > 1
      ? [212, 268, 301, 0, 0, 254, 187]
      : [0, 0, 0, 0, 0, 0, 0, 0, 22, 41, 38, 29, 11, 4, 33, 44, 37, 21, 3]
  const wide = days > 1 ? 86_400_000 : 3_600_000
  const first = Date.UTC(2027, 9, days > 1 ? 3 : 8, 16)
  const length = days > 1 ? 7 : 24
  const bars = Array.from({ length }, (_, place) => {
    const visits = shape[place] ?? 0
    return {
      from: new Date(first + place * wide).toISOString(),
      visits,
      submitted: Math.round(visits * 0.93),
      median_seconds: visits > 0 ? 38 + ((place * 7) % 13) : null,
    }
  })
  const sum = (part: 'visits' | 'submitted'): number => bars.reduce((all, bar) => all + bar[part], 0)
  return {
    bars,
    visits: sum('visits'),
    submitted: sum('submitted'),
    median_seconds: 42.4,
    slow_seconds: 97,
    shots: Math.round(sum('visits') * 1.32),
    retakes: Math.round(sum('visits') * 0.34),
    refused_shots: Math.round(sum('visits') * 0.09),
    refusals: [
      { what: 'eyes-closed', count: 11 },
      { what: 'lens-glare', count: 7 },
      { what: 'tilted', count: 5 },
      { what: 'hair-over-face', count: 2 },
    ],
    rejected: 6,
    rejections: [
      { what: '镜片反光', count: 4 },
      { what: '头发遮挡眉毛', count: 2 },
    ],
    left_at: [
      { what: 'pay', count: 9 },
      { what: 'scan', count: 6 },
      { what: 'framing', count: 3 },
    ],
    endings: [
      { what: 'submitted', count: sum('submitted') },
      { what: 'timed-out', count: 11 },
      { what: 'cancelled', count: 7 },
      { what: 'not-possible', count: 2 },
    ],
  }
}

export const CALLBACK: CallbackRow[] = Array.from({ length: 11 }, (_, place) => ({
  id: `0190-${place}`,
  shoot_number: `A-${String(place * 17 + 4).padStart(4, '0')}`,
  shoot_day: '2027-10-09',
  tag: `K7Q2-${String(place).padStart(2, '0')}`,
  masked_name: ['林*禾', '周*', '白*远', '江*月'][place % 4] ?? '',
  school: '示例大学',
  level: '本科',
  major: ['测绘工程', '汉语言文学', '临床医学'][place % 3] ?? '',
  year: 2027,
  reasons: [['镜片反光'], ['头发遮挡眉毛', '领口不整'], ['眼睛闭合']][place % 3] ?? [],
  rejected_at: new Date(Date.UTC(2027, 9, 11, 2, place * 9)).toISOString(),
  paid: true,
  came_back:
    place % 4 === 1
      ? {
          id: `0191-${place}`,
          shoot_number: `C-0${place}12`,
          state: 'under-review',
          at: '2027-10-12T02:00:00Z',
        }
      : null,
}))

const SETTINGS: Settings = {
  name: '图书馆1号机',
  booth: 'self-service',
  camera: 'auto',
  width: 1280,
  height: 720,
  fps: 30,
  mounting: 0,
  exposure: 'hold',
  white_balance: 'hold',
  focus: 'auto',
  zoom: 0,
  mains_hertz: 50,
  profile: 'biyezhengzhao',
  spec: '',
  automatic_shutter: true,
  countdown: 3,
  volume: 60,
  voice: true,
  low_buttons: true,
  printer: 'DNP-DS620',
  print_receipt: 'offer',
  receipt_paper: '80mm',
  print_sheet: 'always',
  sheet: '',
  backup_folder: '/media/booth/BACKUP',
  least_free_mb: 500,
  most_waiting: 3000,
  oldest_waiting_days: 7,
  oldest_profile_days: 14,
}

export const SETTINGS_VIEW: SettingsView = {
  settings: { ...SETTINGS, countdown: 5 },
  running: SETTINGS,
  cameras: [
    {
      id: 'HD Pro Webcam @ usb-1',
      name: 'HD Pro Webcam',
      formats: [
        { width: 1920, height: 1080, fps: 30 },
        { width: 1280, height: 720, fps: 30 },
      ],
    },
  ],
  cameras_trouble: null,
  printers: [
    { name: 'DNP-DS620', trouble: null },
    { name: 'EPSON-TM-T82', trouble: { zh: '打印机缺纸', en: 'it is out of paper' } },
  ],
  printers_trouble: null,
  profiles: [
    { id: 'biyezhengzhao', name: { zh: '毕业证照', en: 'Graduation photos' } },
    { id: 'yipai', name: { zh: '易拍', en: 'Yipai' } },
  ],
  sheets: [
    { id: 'one-inch-6', name: { zh: '六寸相纸：8 张一寸', en: '6-inch paper: 8 one-inch' } },
    { id: 'school-a4', name: { zh: 'A4：8 张一寸 + 4 张二寸', en: 'A4: 8 one-inch + 4 two-inch' } },
  ],
  specs: [SPEC],
  spec_in_force: SPEC.id,
  file: '/home/booth/.local/share/photo-station/station.toml',
  backend: 'https://backend.example',
}

export const LIVE: LiveView = {
  name: '图书馆1号机',
  version: '0.1.0',
  system: 'linux x86_64',
  camera: { zh: '正常，每秒 30 帧', en: '30 frames a second' },
  fps: 29.8,
  online: true,
  waiting: 3,
  free_mb: 41_200,
}

export const NAMING = {
  template: '{school}/{year}/{academic_record}.jpg',
  fields: [
    'school',
    'school_id',
    'level',
    'major',
    'year',
    'academic_record',
    'shoot_day',
    'shoot_number',
    'tag',
    'receipt',
    'record',
  ],
}
