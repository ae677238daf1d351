import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { rehearsalPictures } from './src/rehearsal/pictures.ts'

export default defineConfig({
  plugins: [vue(), rehearsalPictures()],
  // The window loads its files from the program itself, so paths stay relative.
  base: './',
  resolve: { alias: { '@assets': fileURLToPath(new URL('../assets', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    // WebKitGTK 2.40 (Debian 12) and WebView2 understand all of this.
    target: 'safari16',
    chunkSizeWarningLimit: 1200,
  },
  server: { port: 5173, strictPort: true, fs: { allow: ['.', '../assets'] } },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/rehearsal/quiet.ts'],
    css: false,
    // Its files import style sheets, which only Vite understands.
    server: { deps: { inline: ['element-plus'] } },
  },
})
