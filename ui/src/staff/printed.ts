/** What came of paper that staff asked for, in words. */
import { ElMessage } from 'element-plus/es/components/message/index.mjs'
import type { Failure } from '../bindings'
import { i18n } from '../words'
import { wordsFor } from './desk'

type Answer = { status: 'ok'; data: null } | { status: 'error'; error: Failure }

/** Waits for the paper and tells that it is out, or why not. */
export async function tellOfPaper(printing: Promise<Answer>, out: string): Promise<void> {
  const { t, te } = i18n.global
  try {
    const told = await printing
    if (told.status === 'ok') {
      ElMessage({ message: out, type: 'success' })
    } else if (told.error.code === 'printer') {
      const key = `printing.trouble.${told.error.detail}`
      const why = te(key, 'zh-CN') ? t(key) : told.error.detail
      ElMessage({ message: t('printing.notPrinted', { why }), type: 'warning' })
    } else {
      ElMessage({ message: wordsFor(told.error), type: 'warning' })
    }
  } catch (reason) {
    ElMessage({ message: String(reason), type: 'error' })
  }
}
