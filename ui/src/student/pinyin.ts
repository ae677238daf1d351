/**
 * From pinyin to characters, for names.
 *
 * The table of `simple-keyboard-layouts` (MIT, from pinyinjs) holds the 6763 characters of GB 2312. Names use
 * more: the second table adds characters common in given names that GB 2312 lacks, so that nobody is told
 * their own name does not exist.
 */
import chinese from 'simple-keyboard-layouts/build/layouts/chinese'

const TABLE = (chinese as unknown as { layoutCandidates: Record<string, string> }).layoutCandidates

// prettier-ignore
const NAMES: Record<string, string> = {
  biao: '骉', cheng: '宬珹', di: '頔玓', fan: '璠', fang: '昉', gang: '堽', han: '琀', hao: '淏晧', hong: '翃',
  hui: '翙翚', jin: '琎', jing: '璟', jun: '珺', kun: '堃', li: '劦', lin: '璘', ling: '祾', min: '旻', qi: '頎',
  qiu: '璆', shen: '燊珅', sheng: '昇', si: '偲', ting: '珽', tong: '曈', wei: '韡', xi: '晞', xin: '妡炘', xiu: '琇',
  xuan: '瑄翾烜', yan: '姸', yang: '旸', yao: '垚', yi: '祎昳', ying: '煐', you: '祐', yu: '彧', yue: '玥', yun: '赟',
  zhang: '暲', zhe: '喆',
}

/** Characters for exactly this syllable, the frequent ones first; the ones names need come seventh. */
function exactly(syllable: string): string[] {
  const common = (TABLE[syllable] ?? '').split(' ').filter(Boolean)
  const named = [...(NAMES[syllable] ?? '')]
  return [...new Set([...common.slice(0, 6), ...named, ...common.slice(6)])]
}

/** `v` is how a keyboard without umlaut types ü. */
function spelled(letters: string): string {
  return letters
    .toLowerCase()
    .replaceAll('ü', 'v')
    .replace(/^([jqxy])v/, '$1u')
}

/** What the typed letters may mean, and how many of them the first syllable takes. */
export interface Guess {
  /** Letters of the first syllable. */
  taken: number
  characters: string[]
}

const LONGEST_SYLLABLE = 6

export function guess(letters: string): Guess {
  const typed = spelled(letters)
  for (let taken = Math.min(typed.length, LONGEST_SYLLABLE); taken > 0; taken -= 1) {
    const characters = exactly(typed.slice(0, taken))
    if (characters.length === 0) continue
    if (taken < typed.length) return { taken, characters }
    // The syllable may still grow: "wan" also offers the first characters of "wang".
    const longer = Object.keys(TABLE)
      .filter(key => key.startsWith(typed) && key !== typed)
      .flatMap(key => exactly(key).slice(0, 4))
    return { taken, characters: [...new Set([...characters, ...longer])] }
  }
  const begun = Object.keys(TABLE)
    .filter(key => key.startsWith(typed))
    .flatMap(key => exactly(key).slice(0, 4))
  return { taken: typed.length, characters: typed ? [...new Set(begun)] : [] }
}
