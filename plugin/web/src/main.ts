import 'element-plus/dist/index.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import 'maplibre-gl/dist/maplibre-gl.css'
import '@cim/base.css'
import { createApp } from 'vue'
import App from './App.vue'

createApp(App).mount('#app')
