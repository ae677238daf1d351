/** What makes the pages easier for one person: large letters, by a touch. */
import { ref } from 'vue'

/** Whether letters are large now. */
export const large = ref(false)

/** Large letters, or the usual ones; the next student starts with the usual ones. */
export function setLarge(on: boolean): void {
  large.value = on
  if (on) document.documentElement.dataset.letters = 'large'
  else delete document.documentElement.dataset.letters
}
