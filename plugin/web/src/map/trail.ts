// Where the vehicles in view have been in the last five minutes, older parts fainter.
import type { GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl'
import { watch } from 'vue'
import { intervalText } from '../api/interval'
import { fetchRecords } from '../api/platform'
import { collectionTitles, layerOf } from '../state/layers'
import { view } from '../state/view'

const VEHICLES = 'lpg.vehicles'
const POSITIONS = 'lpg.vehicle-positions'
const SPAN_MS = 5 * 60_000
const PACE_MS = 10_000
/** Below it vehicles stand in clusters. */
const MIN_ZOOM = 9

interface Fix {
  vehicle_no: string
  fixed_at: string
  lon: number
  lat: number
}

/** A piece of line between two fixes of a vehicle; `fresh` falls from 1 to 0 with its age. */
export function trailPieces(fixes: Fix[], nowMs: number): GeoJSON.Feature[] {
  const last = new Map<string, Fix>()
  const pieces: GeoJSON.Feature[] = []
  for (const fix of [...fixes].sort((a, b) => a.fixed_at.localeCompare(b.fixed_at))) {
    const before = last.get(fix.vehicle_no)
    if (before) {
      const age = (nowMs - Date.parse(fix.fixed_at)) / SPAN_MS
      pieces.push({
        type: 'Feature',
        geometry: { type: 'LineString', coordinates: [[before.lon, before.lat], [fix.lon, fix.lat]] },
        properties: { fresh: Math.min(1, Math.max(0.15, 1 - age)) },
      })
    }
    last.set(fix.vehicle_no, fix)
  }
  return pieces
}

export function attachTrail(m: MapLibreMap): void {
  const shown = (): boolean =>
    Boolean(layerOf(VEHICLES)?.visible) && POSITIONS in collectionTitles.value && m.getZoom() >= MIN_ZOOM
  let running: AbortController | null = null
  const put = (features: GeoJSON.Feature[]): void =>
    void (m.getSource('cim:trail') as GeoJSONSource | undefined)?.setData({ type: 'FeatureCollection', features })

  m.addSource('cim:trail', { type: 'geojson', data: { type: 'FeatureCollection', features: [] } })
  const below = m.getStyle().layers.find((layer) => layer.id.startsWith(`${VEHICLES}:`) || layer.id.startsWith('cim:'))?.id
  m.addLayer(
    {
      id: 'cim:trail',
      type: 'line',
      source: 'cim:trail',
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': '#2e9e5b', 'line-width': 3, 'line-opacity': ['get', 'fresh'] },
    },
    below,
  )

  async function refresh(): Promise<void> {
    running?.abort()
    if (!shown()) {
      put([])
      return
    }
    running = new AbortController()
    const nowMs = layerOf(VEHICLES)?.asOfMs ?? Date.now()
    const b = m.getBounds()
    const { records } = await fetchRecords(
      POSITIONS,
      {
        area: view.area,
        properties: ['vehicle_no', 'fixed_at', 'lon', 'lat'],
        filters: {
          fixed_at: intervalText('date', [new Date(nowMs - SPAN_MS).toISOString(), '']),
          lon: intervalText('number', [b.getWest().toFixed(5), b.getEast().toFixed(5)]),
          lat: intervalText('number', [b.getSouth().toFixed(5), b.getNorth().toFixed(5)]),
        },
      },
      running.signal,
    )
    put(trailPieces(records as unknown as Fix[], nowMs))
  }
  // A trail that could not be had is no trail; the layer itself says what is wrong with the platform.
  const follow = (): void => void refresh().catch(() => undefined)
  m.on('moveend', follow)
  watch(() => [layerOf(VEHICLES)?.visible, layerOf(VEHICLES)?.pos, view.area], follow)
  window.setInterval(() => shown() && follow(), PACE_MS)
}
