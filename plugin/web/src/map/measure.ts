// 测距 and 测面: click to add, double-click to end.
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { computed, ref } from 'vue'
import { areaM2, formatArea, formatLength, lengthM, type LonLat } from './geodesy'

export type MeasureMode = 'distance' | 'area'

export const measureMode = ref<MeasureMode | null>(null)
const points = ref<LonLat[]>([])
const moving = ref<LonLat | null>(null)
const finished = ref(false)
let host: MapLibreMap | null = null

const line = computed<LonLat[]>(() =>
  moving.value && !finished.value ? [...points.value, moving.value] : points.value,
)

export const measureResult = computed(() => {
  if (!measureMode.value || line.value.length < 2) return ''
  if (measureMode.value === 'distance') return formatLength(lengthM(line.value))
  return line.value.length < 3 ? '' : formatArea(areaM2(line.value))
})

function draw(): void {
  const source = host?.getSource('cim:measure') as GeoJSONSource | undefined
  if (!source) return
  const features: GeoJSON.Feature[] = points.value.map((p) => ({
    type: 'Feature',
    geometry: { type: 'Point', coordinates: p },
    properties: {},
  }))
  if (line.value.length > 1) {
    const closed = measureMode.value === 'area' && line.value.length > 2
    features.unshift({
      type: 'Feature',
      geometry: closed
        ? { type: 'Polygon', coordinates: [[...line.value, line.value[0]]] }
        : { type: 'LineString', coordinates: line.value },
      properties: {},
    })
  }
  source.setData({ type: 'FeatureCollection', features })
}

function onClick(event: MapMouseEvent): void {
  if (!measureMode.value) return
  if (finished.value) {
    points.value = []
    finished.value = false
  }
  points.value = [...points.value, [event.lngLat.lng, event.lngLat.lat]]
  draw()
}

function onMove(event: MapMouseEvent): void {
  if (!measureMode.value || finished.value || !points.value.length) return
  moving.value = [event.lngLat.lng, event.lngLat.lat]
  draw()
}

function onDouble(event: MapMouseEvent): void {
  if (!measureMode.value) return
  event.preventDefault()
  // The second click of the pair has added the last point once more.
  if (points.value.length > 1) points.value = points.value.slice(0, -1)
  moving.value = null
  finished.value = true
  draw()
}

export function attachMeasure(m: MapLibreMap): void {
  host = m
  m.addSource('cim:measure', { type: 'geojson', data: { type: 'FeatureCollection', features: [] } })
  m.addLayer({
    id: 'cim:measure-fill',
    type: 'fill',
    source: 'cim:measure',
    filter: ['==', ['geometry-type'], 'Polygon'],
    paint: { 'fill-color': '#e8590c', 'fill-opacity': 0.15 },
  })
  m.addLayer({
    id: 'cim:measure-line',
    type: 'line',
    source: 'cim:measure',
    filter: ['!=', ['geometry-type'], 'Point'],
    paint: { 'line-color': '#e8590c', 'line-width': 2.5, 'line-dasharray': [2, 1] },
  })
  m.addLayer({
    id: 'cim:measure-point',
    type: 'circle',
    source: 'cim:measure',
    filter: ['==', ['geometry-type'], 'Point'],
    paint: {
      'circle-radius': 4,
      'circle-color': '#ffffff',
      'circle-stroke-color': '#e8590c',
      'circle-stroke-width': 2,
    },
  })
  m.on('click', onClick)
  m.on('mousemove', onMove)
  m.on('dblclick', onDouble)
}

export function startMeasure(mode: MeasureMode | null): void {
  measureMode.value = mode
  points.value = []
  moving.value = null
  finished.value = false
  if (host) host.getCanvas().style.cursor = mode ? 'crosshair' : ''
  draw()
}
