import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const host = process.env.CIM_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  base: '/apps/lpg/',
  plugins: [vue()],
  resolve: {
    alias: {
      '@cim': fileURLToPath(new URL('../../sdk-shim/console/shared', import.meta.url)),
    },
    // The shared folder lies outside this package; its imports must find this package's copies.
    dedupe: ['vue', 'element-plus', 'qrcode-generator'],
  },
  worker: { format: 'es' },
  build: {
    target: 'es2020',
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      output: { manualChunks: { maplibre: ['maplibre-gl'], vendor: ['vue', 'element-plus'] } },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/auth', '/collections', '/styles', '/basemaps', '/processes', '/stream', '/apps/lpg/api'].map((path) => [path, host]),
    ),
  },
})
