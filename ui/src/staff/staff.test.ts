import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FINDINGS, SENDING } from '../rehearsal/samples'
import { answers, clearStage, part, setStage, show } from '../rehearsal/stage'
import Doctor from './Doctor.vue'
import Pin from './Pin.vue'
import SendingLine from './SendingLine.vue'
import StateMark from './StateMark.vue'

beforeEach(setStage)
afterEach(clearStage)

async function type(page: ReturnType<typeof show>, pin: string): Promise<void> {
  for (const digit of pin) await part(page, `key-${digit}`).trigger('click')
  await part(page, 'pin-enter').trigger('click')
  await flushPromises()
}

describe('the staff door', () => {
  it('opens for the right PIN only and keeps no digit', async () => {
    answers.staff_login = given => (given as { pin: string }).pin === '246810'
    const door = show(Pin, {})
    await type(door, '111111')
    expect(door.emitted('open')).toBeUndefined()
    expect(part(door, 'pin-refusal').text()).not.toBe('')
    expect(part(door, 'pin-dots').attributes('data-filled')).toBe('0')
    await type(door, '246810')
    expect(door.emitted('open')).toHaveLength(1)
  })

  it('says so when too many wrong PINs have been tried', async () => {
    answers.staff_login = () => {
      throw { code: 'locked', detail: '' }
    }
    const door = show(Pin, {})
    await type(door, '246810')
    expect(part(door, 'pin-refusal').text()).toContain('稍后再试')
  })
})

describe('the doctor', () => {
  it('shows each finding with what to do', async () => {
    answers.doctor = () => FINDINGS
    const room = show(Doctor, {})
    await flushPromises()
    expect(room.findAll('[data-testid="finding"]')).toHaveLength(FINDINGS.length)
    expect(room.text()).toContain('检查网线和路由器')
  })
})

describe('a state', () => {
  it('says why a person is needed, and shows an unknown one as it came', () => {
    expect(show(StateMark, { state: 'needs-person/payment' }).text()).toBe('需要处理 · 未缴费')
    expect(show(StateMark, { state: 'teleported' }).text()).toBe('teleported')
  })
})

describe('the sending', () => {
  async function line(now: keyof typeof SENDING): Promise<string> {
    answers.sending = () => SENDING[now]
    const shown = show(SendingLine, {})
    await flushPromises()
    const text = part(shown, 'sending').text()
    shown.unmount()
    return text
  }

  it('tells speed and time left while it goes', async () => {
    const text = await line('busy')
    for (const fact of ['待发送 88 条', '已发送 131 条', '每分钟 43 张', '约还需 3 分钟'])
      expect(text).toContain(fact)
    expect(text).not.toContain('没有应答')
  })

  it('tells since when nobody answers, and when the next try is', async () => {
    const text = await line('offline')
    expect(text).toContain('起后台没有应答，照片安全保存在本机')
    expect(text).toContain('下次尝试')
    expect(text).not.toContain('每分钟')
  })

  it('is calm when nothing waits', async () => {
    expect(await line('done')).toContain('没有待发送的记录')
  })
})
