import 'element-plus/dist/index.css'
import '@cim/base.css'
import { createApp } from 'vue'
import { areasFrom } from '../access'
import App from './App.vue'

areasFrom('/catalogue/areas')
createApp(App).mount('#app')
