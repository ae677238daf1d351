import { createApp } from 'vue'
import App from './App.vue'
import './design/tokens.css'
import './design/base.css'
import { secure } from './kiosk'
import { beat } from './pulse'
import { connect } from './station'
import { i18n } from './words'

secure(document)
createApp(App).use(i18n).mount('#app')
void connect()
beat()
