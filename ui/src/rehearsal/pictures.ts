/**
 * Pictures for the rehearsal, drawn, so that pages can be looked at in a browser without a camera. Only
 * Vite's own servers have them; nothing of this file is in the program. `REHEARSAL_PREVIEW=FILE.jpg` shows a real
 * picture instead of the drawn one, for measuring.
 */
import { readFileSync } from 'node:fs'
import type { Plugin, PreviewServer, ViteDevServer } from 'vite'

function person(scale: number, x: number, y: number): string {
  return `<g transform="translate(${x} ${y}) scale(${scale})">
    <path d="M-150 420c6-120 60-150 120-172h60c60 22 114 52 120 172z" fill="#3c4a57"/>
    <path d="M-42 200v60q42 44 84 0v-60z" fill="#e2b693"/>
    <path d="M-46 244l46 66-40 44-40-92zM46 244l-46 66 40 44 40-92z" fill="#f6f8fa"/>
    <ellipse cx="-99" cy="52" rx="14" ry="26" fill="#e2b693"/><ellipse cx="99" cy="52" rx="14" ry="26" fill="#e2b693"/>
    <path d="M-98 40c0-96 40-126 98-126s98 30 98 126c0 98-46 168-98 168s-98-70-98-168z" fill="#efc8a8"/>
    <path d="M-100 30c-22-96 34-134 100-134s122 38 100 134c-8-32-24-48-44-58-44 10-96 6-122-6-16 14-28 38-34 64z" fill="#23201f"/>
    <path d="M-62 18q22-14 44-2M18 16q22-12 44 2" stroke="#23201f" stroke-width="7" fill="none" stroke-linecap="round"/>
    <circle cx="-40" cy="44" r="9" fill="#23201f"/><circle cx="40" cy="44" r="9" fill="#23201f"/>
    <path d="M0 52l-8 38q8 8 18 2" stroke="#c79a78" stroke-width="5" fill="none" stroke-linecap="round"/>
    <path d="M-28 122q28 10 56 0" stroke="#a8605c" stroke-width="7" fill="none" stroke-linecap="round"/>
  </g>`
}

function svg(width: number, height: number, inside: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${inside}</svg>`
}

const preview = svg(
  1280,
  720,
  `<defs><radialGradient id="w"><stop offset="0" stop-color="#e9edf0"/><stop offset="1" stop-color="#c9d0d6"/></radialGradient></defs>
   <rect width="1280" height="720" fill="url(#w)"/>${person(1.2, 640, 236)}`,
)
const standard = svg(
  480,
  640,
  `<rect width="480" height="640" fill="rgb(100,197,255)"/>${person(1.3077, 240, 192)}`,
)

export function rehearsalPictures(): Plugin {
  const serve = (server: ViteDevServer | PreviewServer): void => {
    server.middlewares.use('/cam/', (request, response) => {
      const path = (request.url ?? '').replace(/^\//, '').split('?')[0] ?? ''
      response.setHeader('cache-control', 'no-store')
      const real = process.env.REHEARSAL_PREVIEW
      if (real && path === 'preview') {
        response.setHeader('content-type', 'image/jpeg')
        response.end(readFileSync(real))
        return
      }
      response.setHeader('content-type', 'image/svg+xml')
      response.end(path === 'preview' || path.endsWith('original') ? preview : standard)
    })
  }
  return { name: 'rehearsal-pictures', configureServer: serve, configurePreviewServer: serve }
}
