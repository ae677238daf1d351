/**
 * The staff's side of the door to Rust. Every call may be refused with a code that has words; the page shows
 * them and goes on.
 */
import { ElMessage } from 'element-plus/es/components/message/index.mjs'
import 'element-plus/es/components/message/style/css'
import { commands, type Failure } from '../bindings'
import { i18n } from '../words'

type Answer<T> = { status: 'ok'; data: T } | { status: 'error'; error: Failure }

/** The words for a refusal. */
export function wordsFor(failure: Failure): string {
  return i18n.global.t(`staff.failure.${failure.code}`, { n: failure.detail })
}

/** What a command answered, or nothing after the refusal has been shown. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<T | undefined> {
  try {
    const told = await answer
    if (told.status === 'ok') return told.data
    ElMessage({ message: wordsFor(told.error), type: 'warning' })
  } catch (reason) {
    ElMessage({ message: String(reason), type: 'error' })
  }
  return undefined
}

export { commands }

/** A time from Rust in the station's own day. */
export function moment(rfc3339: string, language: string): string {
  const at = new Date(rfc3339)
  if (Number.isNaN(at.getTime())) return rfc3339
  return at.toLocaleString(language, {
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  })
}
