/** What is drawn over the preview moves with its pictures: between two of them nothing needs to be drawn anew. */
import type { InjectionKey, Ref } from 'vue'

/** How many pictures the preview has shown. */
export const PICTURES: InjectionKey<Readonly<Ref<number>>> = Symbol('pictures')
