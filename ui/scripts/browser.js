/**
 * The built pages in a headless browser, scene after scene, as the rehearsal shows them. What takes screenshots and
 * what looks for faults both stand on this.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build, preview } from 'vite'

const UI = fileURLToPath(new URL('..', import.meta.url))
const BUILT = fileURLToPath(new URL('../dist-rehearsal', import.meta.url))

/** The two ways a screen stands. A 21.5-inch panel, the smallest kiosk one meets, has 96 dots of these an inch. */
export const SCREENS = {
  landscape: { width: 1920, height: 1080 },
  portrait: { width: 1080, height: 1920 },
}

/** By their short names. */
export const LANGUAGES = { zh: 'zh-CN', en: 'en' }

/** Where browsers with this engine live; `CHROMIUM` names another. */
const BROWSERS = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
  'C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe',
]

/** Serves the built rehearsal, opens a browser, lends both to `work`, and closes them whatever happens. */
export async function inBrowser(work) {
  const executablePath = BROWSERS.find(path => path && existsSync(path))
  if (!executablePath) {
    throw new Error('no Chromium, Chrome or Edge on this machine: install one, or name it in CHROMIUM')
  }
  await build({
    root: UI,
    logLevel: 'warn',
    build: { outDir: BUILT, emptyOutDir: true, rolldownOptions: { input: `${UI}rehearsal.html` } },
  })
  const server = await preview({
    root: UI,
    logLevel: 'warn',
    build: { outDir: BUILT },
    preview: { host: '127.0.0.1', port: 0, strictPort: false },
  })
  let browser
  try {
    browser = await chromium.launch({
      executablePath,
      args: ['--disable-gpu', '--disable-quic', '--font-render-hinting=none', '--hide-scrollbars'],
    })
    const { port } = server.httpServer.address()
    await work(new Stage(browser, `http://127.0.0.1:${port}/rehearsal.html`))
  } finally {
    await browser?.close()
    await server.close()
  }
}

/** A stage shows one scene at a time. */
class Stage {
  #browser
  #address

  constructor(browser, address) {
    this.#browser = browser
    this.#address = address
  }

  /** A page that moves nothing by itself and lives in the zone of the booths. */
  async screen() {
    const context = await this.#browser.newContext({
      viewport: SCREENS.landscape,
      reducedMotion: 'reduce',
      timezoneId: 'Asia/Shanghai',
      locale: 'zh-CN',
    })
    const page = await context.newPage()
    page.setDefaultTimeout(60_000)
    return page
  }

  /** Every scene the rehearsal knows. */
  async scenes(page) {
    await page.goto(`${this.#address}?page=welcome`)
    await page.waitForFunction(() => window.scenes)
    return page.evaluate(() => window.scenes)
  }

  /** Shows a scene and waits until it stands. */
  async show(page, scene) {
    await page.goto(`${this.#address}?${scene.ask}`)
    await page.waitForFunction(() => document.documentElement.dataset.rehearsed)
    await page.evaluate(async () => {
      await document.fonts.ready
      const pictures = [...document.images].filter(picture => picture.src)
      await Promise.all(pictures.map(picture => picture.decode().catch(() => undefined)))
    })
  }

  /** Turns the screen and the language of the scene that stands, and waits until that is drawn. */
  async turn(page, size, language, letters = 'usual') {
    await page.setViewportSize(size)
    await page.evaluate(
      async ([to, letters]) => {
        window.speak(to)
        if (letters === 'large') document.documentElement.dataset.letters = letters
        else delete document.documentElement.dataset.letters
        for (let frame = 0; frame < 3; frame += 1) await new Promise(go => requestAnimationFrame(go))
      },
      [LANGUAGES[language], letters],
    )
  }
}
