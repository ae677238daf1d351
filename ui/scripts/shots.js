/**
 * A picture of every scene, upright and across, in both languages, and one sheet that shows them all:
 * `node scripts/shots.js DIR [WORD…]`, with words only the scenes whose names have one of them.
 */
import { mkdirSync, readdirSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inBrowser, LANGUAGES, SCREENS } from './browser.js'

const [folder, ...words] = process.argv.slice(2)
if (!folder) {
  console.error('usage: node scripts/shots.js DIR [WORD…]')
  process.exit(2)
}

/** What the sheet shows: `{ name, role, file }` in order. */
const taken = []

await inBrowser(async stage => {
  const page = await stage.screen()
  for (const scene of await stage.scenes(page)) {
    if (words.length > 0 && !words.some(word => scene.name.includes(word))) continue
    await stage.show(page, scene)
    for (const [turned, size] of Object.entries(SCREENS)) {
      if (scene.wide && turned === 'portrait') continue
      for (const language of Object.keys(LANGUAGES)) {
        const file = join(turned, language, `${scene.name}.png`)
        mkdirSync(join(folder, turned, language), { recursive: true })
        await stage.turn(page, size, language)
        // What moves stands still in its last state.
        await page.screenshot({ path: join(folder, file), animations: 'disabled', caret: 'hide' })
        taken.push({ ...scene, turned, language, file })
      }
    }
  }
})

// Pictures of the real window that its own test left beside ours.
for (const turned of Object.keys(SCREENS)) {
  const beside = join(folder, 'window', turned)
  if (!existsSync(beside)) continue
  for (const file of readdirSync(beside).filter(name => name.endsWith('.png'))) {
    const name = file.replace(/\.png$/, '')
    taken.push({ name, role: 'window', turned, language: 'zh', file: join('window', turned, file) })
  }
}

const figures = list =>
  list
    .map(shot => {
      const file = shot.file.replaceAll('\\', '/')
      const words = `${shot.name} · ${shot.language}`
      return `<figure class="${shot.turned}"><a href="${file}"><img src="${file}" alt="${words}" loading="lazy"></a><figcaption>${words}</figcaption></figure>`
    })
    .join('\n')
const roles = [...new Set(taken.map(shot => shot.role))]
const sheet = `<!doctype html>
<meta charset="utf-8"><title>采集站 · every page</title>
<style>
body { margin: 2rem; background: #e9eff4; font: 14px system-ui, sans-serif; color: #12304a }
section { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end }
figure { margin: 0 } img { display: block; box-shadow: 0 2px 12px #12304a33; background: #fff }
.landscape img { width: 480px; aspect-ratio: 16/9 } .portrait img { width: 270px; aspect-ratio: 9/16 }
figcaption { padding: .4rem 0 }
</style>
<h1>采集站 · ${taken.length} pictures</h1>
${roles
  .flatMap(role =>
    Object.keys(SCREENS).map(
      turned =>
        `<h2>${role}, ${turned}</h2><section>${figures(taken.filter(s => s.role === role && s.turned === turned))}</section>`,
    ),
  )
  .join('\n')}
`
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'index.html'), sheet)
console.log(`${taken.length} pictures: ${join(folder, 'index.html')}`)
