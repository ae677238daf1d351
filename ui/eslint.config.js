import js from '@eslint/js'
import prettier from 'eslint-config-prettier'
import vue from 'eslint-plugin-vue'
import globals from 'globals'
import ts from 'typescript-eslint'

export default ts.config(
  // bindings.ts is generated from Rust by tauri-specta.
  { ignores: ['dist', 'dist-rehearsal', 'node_modules', 'src/bindings.ts'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.vue', '**/*.ts'],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { parser: ts.parser, extraFileExtensions: ['.vue'], sourceType: 'module' },
    },
    rules: {
      // TypeScript itself knows every name; the rule does not know types.
      'no-undef': 'off',
      // A page is named after what it is: Welcome, Scan, Pay.
      'vue/multi-word-component-names': 'off',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/no-v-html': 'error',
      'vue/no-unused-refs': 'error',
      'vue/define-macros-order': 'error',
    },
  },
  { files: ['*.js', 'scripts/*.js'], languageOptions: { globals: globals.node } },
  // Part of these runs in the page it looks at.
  { files: ['scripts/browser.js', 'scripts/examine.js'], languageOptions: { globals: globals.browser } },
  prettier,
)
