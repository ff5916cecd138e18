// Where a record may be placed: the candidates of its address, and the click that places it.
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { watch } from 'vue'
import { placeAt, placing } from '../state/placing'

const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
const FONT = ['Noto Sans CJK SC Bold', 'Source Han Sans SC', 'Microsoft YaHei', 'sans-serif']

let host: MapLibreMap | null = null

function draw(): void {
  const features = (placing.match?.candidates ?? []).map((candidate, i) => ({
    type: 'Feature' as const,
    geometry: candidate.point,
    properties: { label: String(i + 1) },
  }))
  ;(host?.getSource('cim:placing') as GeoJSONSource | undefined)?.setData({ type: 'FeatureCollection', features })
  const best = placing.match?.candidates[0]
  if (host && best) host.flyTo({ center: best.point.coordinates as [number, number], zoom: best.error_m > 500 ? 14 : 17, duration: 600 })
}

async function onClick(event: MapMouseEvent): Promise<void> {
  if (!placing.picking) return
  await placeAt([event.lngLat.lng, event.lngLat.lat])
  endPlacing()
}

export function startPlacing(): void {
  placing.picking = true
  if (host) host.getCanvas().style.cursor = 'crosshair'
}

export function endPlacing(): void {
  placing.picking = false
  if (host) host.getCanvas().style.cursor = ''
}

export function attachPlacing(m: MapLibreMap): void {
  host = m
  m.addSource('cim:placing', { type: 'geojson', data: nothing })
  m.addLayer({
    id: 'cim:placing-point',
    type: 'circle',
    source: 'cim:placing',
    paint: { 'circle-radius': 11, 'circle-color': '#1d5fa8', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2 },
  })
  m.addLayer({
    id: 'cim:placing-number',
    type: 'symbol',
    source: 'cim:placing',
    layout: { 'text-field': ['get', 'label'], 'text-font': FONT, 'text-size': 12, 'text-allow-overlap': true },
    paint: { 'text-color': '#ffffff' },
  })
  m.on('click', (event) => void onClick(event))
  watch(() => placing.match, draw)
}
