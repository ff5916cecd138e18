import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const host = process.env.CIM_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  base: '/admin/',
  plugins: [vue()],
  resolve: {
    alias: { '@cim': fileURLToPath(new URL('./shared', import.meta.url)) },
  },
  build: {
    target: 'es2020',
    rollupOptions: { output: { manualChunks: { vendor: ['vue', 'element-plus'] } } },
  },
  server: {
    proxy: Object.fromEntries(['/auth', '/collections', '/admin/api'].map((path) => [path, host])),
  },
})
