import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Errand, Settings as Wanted } from '../bindings'
import { CALLBACK, day, folders, foresight, LIVE, NAMING, SETTINGS_VIEW } from '../rehearsal/desk'
import { FINDINGS, sampleRecord } from '../rehearsal/samples'
import { answers, clearStage, part, setStage, show } from '../rehearsal/stage'
import Callback from './Callback.vue'
import Delivery from './Delivery.vue'
import Doctor from './Doctor.vue'
import { clearErrand } from './errand'
import ErrandDialog from './ErrandDialog.vue'
import ErrandLine from './ErrandLine.vue'
import FolderPicker from './FolderPicker.vue'
import PinChange from './PinChange.vue'
import RecordRoom from './RecordRoom.vue'
import Settings from './Settings.vue'
import Today from './Today.vue'

beforeEach(setStage)
afterEach(async () => {
  await clearErrand()
  clearStage()
  localStorage.clear()
  document.body.innerHTML = ''
})

/** A loaded machine is slow; what is waited for comes after a quarter of a second. */
const PATIENCE = { timeout: 30_000 }
vi.setConfig({ testTimeout: 60_000 })

/** Dialogs stand beside the page, not in it. */
function beside(id: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`[data-testid="${id}"]`)
  if (!found) throw new Error(`no ${id}`)
  return found
}

const EXPORT: Errand = { kind: 'export', which: { ids: ['a', 'b'], all: null }, path: '/stick/out.age' }

describe('long work', () => {
  it('is told before it begins, and begins only by hand', async () => {
    const begun: Errand[] = []
    answers.errand_foresee = given => foresight((given as { errand: Errand }).errand)
    answers.errand_begin = given => begun.push((given as { errand: Errand }).errand) > 0
    const dialog = show(ErrandDialog, { errand: EXPORT })
    await flushPromises()
    expect(beside('foresight-sentence').textContent).toContain('12 条将导出，3 条不会：')
    expect(beside('leaves').textContent).toContain('照片已删除')
    expect(begun).toEqual([])
    beside('errand-begin').click()
    await flushPromises()
    expect(begun).toEqual([EXPORT])
    expect(dialog.emitted('begun')).toHaveLength(1)
  })

  it('cannot begin where something stands in its way', async () => {
    answers.errand_foresee = () => ({
      ...foresight(EXPORT),
      hindrance: { zh: '这个文件已经存在', en: 'exists already' },
    })
    show(ErrandDialog, { errand: EXPORT })
    await flushPromises()
    expect(beside('hindrance').textContent).toContain('这个文件已经存在')
    expect(beside('errand-begin').hasAttribute('disabled')).toBe(true)
  })

  it('shows how far it is, and what came of it', async () => {
    answers.errand_foresee = () => foresight(EXPORT)
    answers.errand_begin = () => true
    answers.errand_view = () => ({
      kind: 'export',
      total: 200,
      done: 50,
      per_minute: 300,
      seconds_left: 30,
      stopping: false,
      ended: null,
    })
    show(ErrandDialog, { errand: EXPORT })
    await flushPromises()
    beside('errand-begin').click()
    await flushPromises()
    const line = show(ErrandLine, {})
    expect(part(line, 'errand').text()).toContain('50 / 200')
    expect(part(line, 'errand').text()).toContain('约还需 30 秒')
  })
})

describe('whom to call back', () => {
  it('parts who is still to come from who came, and exports the list that is shown', async () => {
    answers.callback_list = () => CALLBACK
    answers.look_into = given => folders((given as { path: string }).path)
    const written = vi.fn(() => 8)
    answers.callback_export = written
    const room = show(Callback, {})
    await flushPromises()
    const missing = CALLBACK.filter(row => !row.came_back)
    const rows = () => room.findAll('[data-testid="callback-row"]')
    expect(rows()).toHaveLength(missing.length)
    expect(room.text()).toContain('补拍不另收费')
    await part(room, 'callback-back').trigger('click')
    expect(rows()).toHaveLength(CALLBACK.length - missing.length)
    expect(rows()[0]?.text()).toContain('审核中')
    await part(room, 'callback-missing').trigger('click')
    await part(room, 'callback-export').trigger('click')
    await flushPromises()
    beside('entry-KINGSTON').click()
    await flushPromises()
    beside('folder-done').click()
    await flushPromises()
    expect(written).toHaveBeenCalledOnce()
    const given = (written.mock.calls as unknown[][])[0]?.[0] as { path: string; onlyMissing: boolean }
    expect(given.onlyMissing).toBe(true)
    expect(given.path).toMatch(/^\/media\/booth\/KINGSTON\/补拍名单-[\d-]+\.csv$/)
  })
})

describe('the delivery', () => {
  it('shows the names before anything is written, and what is wrong with a template', async () => {
    answers.naming = () => NAMING
    answers.errand_foresee = given => foresight((given as { errand: Errand }).errand)
    const room = show(Delivery, {})
    await flushPromises()
    await vi.waitFor(
      () => expect(part(room, 'delivery-foresight').text()).toContain('ar-001-1.jpg'),
      PATIENCE,
    )
    expect(part(room, 'delivery-foresight').text()).toContain('24141 张已通过的照片将交付，2 条不会：')
    expect(part(room, 'deliver-folder').attributes('disabled')).toBeUndefined()
    await part(room, 'template').setValue('{name}.jpg')
    await vi.waitFor(
      () => expect(part(room, 'template-trouble').text()).toContain('没有 {name} 这一项'),
      PATIENCE,
    )
    expect(part(room, 'deliver-zip').attributes('disabled')).toBeDefined()
  })
})

describe('choosing a place', () => {
  it('begins at the sticks, and takes a file only when one is touched', async () => {
    answers.look_into = given => folders((given as { path: string }).path)
    const picker = show(FolderPicker, { title: 'x', mode: 'file' })
    await flushPromises()
    beside('entry-KINGSTON').click()
    await flushPromises()
    expect((beside('folder-path') as HTMLInputElement).value).toBe('/media/booth/KINGSTON')
    expect(beside('folder-done').hasAttribute('disabled')).toBe(true)
    beside('entry-booth-2.age').click()
    await flushPromises()
    beside('folder-done').click()
    expect(picker.emitted('chosen')).toEqual([['/media/booth/KINGSTON/booth-2.age']])
  })
})

describe('the day', () => {
  it('says its figures and names every reason', async () => {
    answers.day = given => day((given as { days: number }).days)
    const room = show(Today, {})
    await flushPromises()
    expect(part(room, 'figure-submitted').text()).toContain('263')
    expect(part(room, 'figure-median').text()).toContain('42 秒')
    for (const words of ['眼睛闭合', '镜片反光', '支付', '超时离开']) expect(room.text()).toContain(words)
    expect(room.text()).not.toContain('eyes-closed')
    await part(room, 'days-7').trigger('click')
    await flushPromises()
    expect(part(room, 'figure-submitted').text()).not.toContain('263')
  })
})

describe('a record', () => {
  it('says each point with its number and its limit, what needs a look first', async () => {
    answers.queue_show = () => sampleRecord(4)
    const room = show(RecordRoom, { id: '0190-4' })
    await flushPromises()
    const checks = room.findAll('[data-testid="check"]').map(check => check.text())
    expect(checks[0]).toContain('镜片有反光')
    expect(checks[0]).toContain('允许 ≤ 0.02')
    expect(checks.some(text => text.includes('82.4 px') && text.includes('允许 50–110 px'))).toBe(true)
    const attempts = room.findAll('[data-testid="attempt"]').map(attempt => attempt.text())
    expect(attempts[0]).toContain('没有成功 · 用时 15.0 秒')
    expect(attempts[1]).toContain('已送达')
    expect(part(room, 'record-reasons').text()).toContain('镜片反光')
    expect(room.find('[data-testid="record-retry"]').exists(), 'a rejected one is not sent again').toBe(false)
  })
})

describe('the set-up', () => {
  it('says what is wrong beside the field, and what waits for a start', async () => {
    const saved: Wanted[] = []
    answers.settings_view = () => SETTINGS_VIEW
    answers.camera_trial = () => ({ picture: 'preview', says: LIVE.camera, streaming: false })
    answers.settings_save = given => {
      saved.push((given as { settings: Wanted }).settings)
      return { troubles: [{ field: 'name', says: { zh: '名称需要 1 到 40 个字', en: 'x' } }], restart: false }
    }
    const room = show(Settings, {})
    await flushPromises()
    expect(part(room, 'settings-restart').text()).toContain('重新启动后生效')
    expect(part(room, 'spec-card').text()).toContain('50–110 px')
    expect(part(room, 'settings-save').attributes('disabled')).toBeDefined()
    await part(room, 'field-name').setValue(' ')
    await part(room, 'settings-save').trigger('click')
    await flushPromises()
    expect(saved[0]?.name).toBe(' ')
    expect(part(room, 'trouble-name').text()).toContain('1 到 40 个字')
    room.unmount()
  })

  it('has a field for all that may be changed, and staff hear, see and print it before it is saved', async () => {
    const [spoken, printed, looked]: [string[], Wanted[], (Wanted | null)[]] = [[], [], []]
    answers.settings_view = () => SETTINGS_VIEW
    answers.camera_trial = given => {
      looked.push((given as { trial: Wanted | null }).trial)
      return { picture: 'preview', says: LIVE.camera, streaming: false }
    }
    answers.say_trial = given => {
      spoken.push((given as { text: string }).text)
      return false
    }
    answers.print_trial = given => {
      printed.push((given as { settings: Wanted }).settings)
      throw { code: 'printer', detail: 'out-of-paper' }
    }
    const room = show(Settings, {})
    await flushPromises()
    for (const name of Object.keys(SETTINGS_VIEW.settings))
      expect(part(room, `field-${name}`).exists(), name).toBe(true)
    await part(room, 'field-name').setValue('二号机')
    expect(part(room, 'booth-look').attributes('data-low')).toBe('true')
    await part(room, 'say-trial').trigger('click')
    await part(room, 'print-trial').trigger('click')
    await flushPromises()
    expect(spoken).toEqual(['再靠近一点'])
    expect(printed[0]?.name, 'as it stands on the page, not as it is saved').toBe('二号机')
    for (const said of ['没有安装这种语言的语音', '打印机缺纸'])
      expect(document.body.textContent).toContain(said)
    await vi.waitFor(() => expect(looked.some(each => each?.name === '二号机')).toBe(true), PATIENCE)
    await part(room, 'size-open').trigger('click')
    await vi.waitFor(() => expect(looked.at(-1)?.width).toBe(0), PATIENCE)
    room.unmount()
  })

  it('changes a PIN only when the new one was written twice alike', async () => {
    const tried = vi.fn(() => 'wrong-old')
    answers.staff_pin_change = tried
    const card = show(PinChange, {})
    await part(card, 'field-pin_old').setValue('246810')
    await part(card, 'field-pin_new').setValue('135791')
    await part(card, 'field-pin_again').setValue('135792')
    expect(part(card, 'pin-change-do').attributes('disabled')).toBeDefined()
    expect(card.text()).toContain('两次输入不一样')
    await part(card, 'field-pin_again').setValue('135791')
    await part(card, 'pin-change-do').trigger('click')
    await flushPromises()
    expect(tried).toHaveBeenCalledOnce()
    expect(card.text()).toContain('现在的密码不对')
    expect((part(card, 'field-pin_old').element as HTMLInputElement).value).toBe('')
  })
})

describe('the doctor’s page', () => {
  it('puts what is broken first and copies it all as text', async () => {
    answers.doctor = () => FINDINGS
    answers.live = () => LIVE
    const copied: string[] = []
    vi.stubGlobal('navigator', {
      ...navigator,
      clipboard: { writeText: (text: string) => Promise.resolve(void copied.push(text)) },
    })
    const room = show(Doctor, {})
    await flushPromises()
    expect(room.findAll('[data-testid="finding"]')[0]?.text()).toContain('没有应答')
    expect(part(room, 'live').text()).toContain('每秒 30 帧')
    await part(room, 'doctor-copy').trigger('click')
    await flushPromises()
    expect(copied[0]).toContain('✗ 采集单位后台: 没有应答')
    expect(copied[0]).toContain('→ 检查网线和路由器')
    vi.unstubAllGlobals()
    room.unmount()
  })
})
