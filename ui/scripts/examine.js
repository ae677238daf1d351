/**
 * Looks at every scene as a critical visitor would: axe's rules of WCAG 2 A and AA, words that do not fit, buttons
 * that are too small for a finger or lie under something else. Ends with 1 when anything was found.
 */
import axe from 'axe-core'
import { inBrowser, LANGUAGES, SCREENS } from './browser.js'

/** 15 mm on a 21.5-inch panel of 1920x1080 (476 mm wide); on a larger one it is more. */
const FINGER = Math.ceil((15 / 476) * 1920)

/** What lies in the upper part of an upright screen cannot be reached from a wheelchair, at booths set up for it. */
const REACH = 0.3

/** Runs in the page. What does not fit or cannot be pressed, in words. */
function misfits({ finger, forFingers, reach }) {
  const found = []
  const called = element =>
    element.dataset?.testid ??
    (element.textContent.trim().slice(0, 24) || element.className || element.tagName)
  const seen = element => {
    const style = getComputedStyle(element)
    return style.visibility !== 'hidden' && style.opacity !== '0' && element.getClientRects().length > 0
  }
  const { scrollWidth, scrollHeight } = document.documentElement
  if (scrollWidth > innerWidth + 1 || scrollHeight > innerHeight + 1) {
    found.push(`the page is ${scrollWidth}x${scrollHeight}, larger than its screen`)
  }
  // A list may go on below its edge; then it scrolls, and says so by its style.
  const scrolls = element => {
    for (let around = element; around; around = around.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(around)
      if ([overflowX, overflowY].some(way => way === 'auto' || way === 'scroll')) return true
    }
    return false
  }
  for (const box of document.querySelectorAll('section, .content, .say, .words, .both, li.card')) {
    const more = box.scrollHeight - box.clientHeight
    if (seen(box) && !scrolls(box) && more > 6)
      found.push(`${called(box)} needs ${more} more pixels than it has`)
  }
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
    if (!own || !seen(element) || scrolls(element) || element.closest('.unseen')) continue
    const words = document.createRange()
    words.selectNodeContents(element)
    const box = words.getBoundingClientRect()
    if (box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1) {
      found.push(`"${called(element)}" leaves the screen`)
    }
    for (let around = element; around && around !== document.body; around = around.parentElement) {
      if (!around.matches('button, .card, .sheet, section, header, footer, main')) continue
      if (around.getClientRects().length === 0) continue
      const edge = around.getBoundingClientRect()
      // A font's own box is taller than its letters.
      const air = parseFloat(getComputedStyle(element).fontSize) / 3
      const beside = box.left < edge.left - 2 || box.right > edge.right + 2
      if (beside || box.top < edge.top - air || box.bottom > edge.bottom + air) {
        found.push(`"${called(element)}" leaves ${called(around).slice(0, 24)}`)
      }
      break
    }
  }
  if (!forFingers) return found
  const sheet = document.querySelector('[role="dialog"]')
  for (const button of (sheet ?? document).querySelectorAll('button, input, a[href], [role="button"]')) {
    if (!seen(button) || scrolls(button.parentElement)) continue
    const { left, top, width, height } = button.getBoundingClientRect()
    if (width < finger || height < finger) {
      found.push(`${called(button)} is ${Math.round(width)}x${Math.round(height)}, a finger needs ${finger}`)
    }
    const low = document.documentElement.dataset.reach === 'low' && innerHeight > innerWidth
    if (low && top < reach * innerHeight) {
      found.push(
        `${called(button)} is ${Math.round(top)} below the top edge, too high for a wheelchair's reach`,
      )
    }
    if (button.disabled) continue
    const there = document.elementFromPoint(left + width / 2, top + height / 2)
    if (!there || !(button.contains(there) || there.contains(button))) {
      found.push(`${called(button)} lies under ${there ? called(there) : 'nothing'}`)
    }
  }
  return found
}

/** The scenes axe reads: each page once across in Chinese and once upright in English. */
const READ = new Set(['landscape zh', 'portrait en'])
/** Where a scene stands across alone. */
const WIDE = new Set(['landscape zh', 'landscape en'])

/** Side by side: what the smallest machine that runs this has processors for. */
const SCREENS_AT_ONCE = 2

let examined = 0

/** The faults of one scene, turned every way its page stands. */
async function examine(stage, page, scene) {
  const faults = []
  await stage.show(page, scene)
  await page.evaluate(axe.source)
  for (const [turned, size] of Object.entries(SCREENS)) {
    if (scene.wide && turned === 'portrait') continue
    for (const language of Object.keys(LANGUAGES)) {
      await stage.turn(page, size, language)
      examined += 1
      const where = `${scene.name} (${turned}, ${language})`
      const rules = { finger: FINGER, forFingers: scene.role === 'student', reach: REACH }
      const found = scene.role !== 'student' ? [] : await page.evaluate(misfits, rules)
      faults.push(...found.map(what => `${where}: ${what}`))
      if (scene.role === 'student') {
        await stage.turn(page, size, language, 'large')
        const large = await page.evaluate(misfits, rules)
        faults.push(...large.map(what => `${where}, large letters: ${what}`))
        await stage.turn(page, size, language)
      }
      if (!(scene.wide ? WIDE : READ).has(`${turned} ${language}`)) continue
      const violations = await page.evaluate(async () => {
        const rules = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'] }
        const { violations } = await window.axe.run(document, rules)
        return violations.flatMap(({ id, help, nodes }) =>
          nodes.map(node => `${id}: ${help}: ${node.html.slice(0, 120)} ${node.any[0]?.message ?? ''}`),
        )
      })
      faults.push(...violations.map(what => `${where}: ${what}`))
    }
  }
  return faults
}

const words = process.argv.slice(2)
const faults = []
await inBrowser(async stage => {
  const first = await stage.screen()
  const asked = (await stage.scenes(first)).filter(scene =>
    words.length > 0 ? words.some(word => scene.name.includes(word)) : !scene.alike,
  )
  const left = asked.values()
  const examineThoseLeft = async page => {
    for (const scene of left) faults.push(...(await examine(stage, page, scene)))
  }
  const others = Array.from({ length: SCREENS_AT_ONCE - 1 }, () => stage.screen().then(examineThoseLeft))
  await Promise.all([examineThoseLeft(first), ...others])
})
for (const fault of faults.sort()) console.error(fault)
if (examined === 0) {
  console.error('no scene was examined')
  process.exit(1)
}
console.log(`${examined} views examined, ${faults.length} faults`)
process.exit(faults.length > 0 ? 1 : 0)
