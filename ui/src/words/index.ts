/** The two languages of the station and the one instance that speaks them. */
import { createI18n } from 'vue-i18n'
import type { Remark } from '../bindings'
import en from './en'
import zhCN from './zh-CN'

export type Words = typeof zhCN
export type Language = 'zh-CN' | 'en'

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN' as Language,
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN, en },
})

export function language(): Language {
  return i18n.global.locale.value as Language
}

export function speak(next: Language): void {
  i18n.global.locale.value = next
  document.documentElement.lang = next
}

/** A sentence that came from Rust in both languages. */
export function inWords(remark: Pick<Remark, 'zh' | 'en'>): string {
  return language() === 'en' ? remark.en : remark.zh
}
