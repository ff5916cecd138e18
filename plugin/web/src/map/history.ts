// 前视图 / 后视图: the views a person has been at.
import type { Map as MapLibreMap } from 'maplibre-gl'
import { computed, ref } from 'vue'
import { map } from './controller'

interface Stop {
  center: [number, number]
  zoom: number
}

const LIMIT = 50
const stops = ref<Stop[]>([])
const at = ref(-1)
let travelling = false

export const canBack = computed(() => at.value > 0)
export const canForward = computed(() => at.value < stops.value.length - 1)

const here = (m: MapLibreMap): Stop => {
  const c = m.getCenter()
  return { center: [c.lng, c.lat], zoom: m.getZoom() }
}

const same = (a: Stop, b: Stop): boolean =>
  Math.abs(a.zoom - b.zoom) < 0.01 &&
  Math.abs(a.center[0] - b.center[0]) < 1e-5 &&
  Math.abs(a.center[1] - b.center[1]) < 1e-5

export function attachHistory(m: MapLibreMap): void {
  stops.value = [here(m)]
  at.value = 0
  m.on('moveend', () => {
    if (travelling) {
      travelling = false
      return
    }
    const stop = here(m)
    if (same(stop, stops.value[at.value])) return
    stops.value = [...stops.value.slice(0, at.value + 1), stop].slice(-LIMIT)
    at.value = stops.value.length - 1
  })
}

function go(step: number): void {
  const stop = stops.value[at.value + step]
  if (!stop || !map.value) return
  at.value += step
  travelling = true
  map.value.jumpTo(stop)
}

export const goBack = (): void => go(-1)
export const goForward = (): void => go(1)
