// The base map: our own offline vector sketch, or raster tiles that the host proxies.
import { isAbort, problemText, toProblem } from '@cim/api'
import type { Map as MapLibreMap } from 'maplibre-gl'
import { computed, ref, watch } from 'vue'
import { fetchBasemaps } from '../api/platform'
import type { Basemap } from '../api/types'
import { night } from '../state/night'
import { addStyle, ownOrigin, recolour, setVisible } from './compose'

const STORAGE_KEY = 'lpg.basemap'

export const basemaps = ref<Basemap[]>([])
export const basemapId = ref('')
export const basemapError = ref('')
export const basemap = computed(() => basemaps.value.find((b) => b.id === basemapId.value))

const drawn = new Map<string, string[]>()

export async function loadBasemaps(): Promise<void> {
  basemaps.value = await fetchBasemaps()
  let wanted: string | null = null
  try {
    wanted = localStorage.getItem(STORAGE_KEY)
  } catch {
    /* storage may be switched off */
  }
  const start = basemaps.value.find((b) => b.id === wanted) ?? basemaps.value[0]
  basemapId.value = start?.id ?? ''
}

/** Pictures have no colours of the night: they are dimmed. */
const rasterPaint = (): { 'raster-brightness-max': number; 'raster-saturation': number } =>
  night.value ? { 'raster-brightness-max': 0.55, 'raster-saturation': -0.3 } : { 'raster-brightness-max': 1, 'raster-saturation': 0 }

export const basemapStyle = (base: Basemap): string => (base.style ?? '/styles/basemap').replace(/^.*\/styles\//, '')

function addRaster(m: MapLibreMap, base: Basemap, beforeId: string | undefined): string[] {
  return (base.tiles ?? []).map((template, i) => {
    const id = `base:${base.id}:${i}`
    const url = ownOrigin(template.replace('{row}', '{y}').replace('{col}', '{x}'))
    const zooms = { minzoom: base.min_zoom ?? 0, maxzoom: base.max_zoom ?? 18 }
    m.addSource(id, { type: 'raster', tiles: [url], tileSize: 256, ...zooms })
    m.addLayer({ id, type: 'raster', source: id, paint: rasterPaint() }, beforeId)
    return id
  })
}

async function show(m: MapLibreMap, base: Basemap): Promise<void> {
  basemapError.value = ''
  try {
    if (!drawn.has(base.id)) {
      const bottom = m.getStyle().layers.find((layer) => !layer.id.startsWith('base:'))?.id
      if (base.kind === 'raster') {
        drawn.set(base.id, addRaster(m, base, bottom))
      } else {
        const scope = { area: null, filters: {} }
        const result = await addStyle(m, basemapStyle(base), 'base:', bottom, true, scope)
        drawn.set(base.id, result.layerIds)
      }
    }
    for (const [id, layerIds] of drawn) setVisible(m, layerIds, id === basemapId.value)
  } catch (error) {
    if (!isAbort(error)) basemapError.value = problemText(toProblem(error))
  }
}

async function dress(m: MapLibreMap, base: Basemap): Promise<void> {
  if (base.kind !== 'raster') return recolour(m, basemapStyle(base), 'base:')
  for (const id of drawn.get(base.id) ?? []) {
    for (const [name, value] of Object.entries(rasterPaint())) m.setPaintProperty(id, name, value)
  }
}

export function attachBasemap(m: MapLibreMap): void {
  watch(night, () => {
    for (const base of basemaps.value.filter((each) => drawn.has(each.id))) {
      dress(m, base).catch((error: unknown) => (basemapError.value = problemText(toProblem(error))))
    }
  })
  watch(
    basemap,
    (base) => {
      if (!base) return
      try {
        localStorage.setItem(STORAGE_KEY, base.id)
      } catch {
        /* not remembered */
      }
      void show(m, base)
    },
    { immediate: true },
  )
}
