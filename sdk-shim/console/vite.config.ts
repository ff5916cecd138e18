import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const host = process.env.CIM_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  base: './', // the same files are served at /admin/ and at /portal/
  plugins: [vue()],
  resolve: {
    alias: { '@cim': fileURLToPath(new URL('./shared', import.meta.url)) },
  },
  build: {
    target: 'es2020',
    rollupOptions: { input: { index: 'index.html', portal: 'portal.html' }, output: { manualChunks: { vendor: ['vue', 'element-plus'] } } },
  },
  server: {
    proxy: Object.fromEntries(['/auth', '/collections', '/catalogue', '/admin/api'].map((path) => [path, host])),
  },
})
