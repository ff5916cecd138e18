// The one MapLibre map of the page, and what follows state onto it.
import { ProblemError, problemText, toProblem } from '@cim/api'
import { onRenewed, sessionLost } from '@cim/session'
import maplibregl from 'maplibre-gl'
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { ref, shallowRef, watch } from 'vue'
import { fetchCluster } from '../api/platform'
import { areaBounds, areaCodes } from '../state/areas'
import { layers, refreshInView, visibleLayers, type LayerState } from '../state/layers'
import { view } from '../state/view'
import { night } from '../state/night'
import { addStyle, ownOrigin, recolour, reloadAll, removeLayers, setScope, setVisible } from './compose'
import { islandBounds } from './bounds'
import { still } from './motion'
import { attachPulse } from './pulse'
import { drawOrder, styleOf } from './themes'

export const map = shallowRef<MapLibreMap | null>(null)
export const pointer = ref<{ lon: number; lat: number } | null>(null)
export const mapFailure = ref('')

const TOP = 'cim:selection-ring'
const added = new Map<string, string[]>()
const adding = new Set<string>()

const emptyCollection: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }

export function createMap(container: HTMLElement): MapLibreMap {
  const created = new maplibregl.Map({
    container,
    style: { version: 8, sources: {}, layers: [] },
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    minZoom: 4,
    maxZoom: 19,
    fadeDuration: still.matches ? 0 : 150,
    keyboard: true,
    ...(view.camera
      ? { center: [view.camera.lon, view.camera.lat] as [number, number], zoom: view.camera.zoom }
      : { bounds: islandBounds, fitBoundsOptions: { padding: 24 } }),
  })
  created.touchZoomRotate.disableRotation()
  window.__lpgMap = created
  created.on('error', (event) => {
    if ((event.error as { status?: number }).status === 401) sessionLost()
  })
  created.on('mousemove', (e) => (pointer.value = { lon: e.lngLat.lng, lat: e.lngLat.lat }))
  created.on('mouseout', () => (pointer.value = null))
  onRenewed(() => reloadAll(created))
  return created
}

async function showArea(m: MapLibreMap): Promise<void> {
  const area = view.area
  const bounds = await areaBounds(area)
  if (area === view.area) m.fitBounds(bounds, { padding: 32, maxZoom: 14 })
}

export function fullExtent(): void {
  map.value?.fitBounds(islandBounds, { padding: 24 })
}

function addSelection(m: MapLibreMap): void {
  m.addSource('cim:selection', { type: 'geojson', data: emptyCollection })
  m.addLayer({
    id: TOP,
    type: 'circle',
    source: 'cim:selection',
    filter: ['==', ['geometry-type'], 'Point'],
    paint: {
      'circle-radius': 19,
      'circle-color': 'rgba(0,0,0,0)',
      'circle-stroke-color': '#00c2ff',
      'circle-stroke-width': 3,
    },
  })
  m.addLayer({
    id: 'cim:selection-line',
    type: 'line',
    source: 'cim:selection',
    filter: ['!=', ['geometry-type'], 'Point'],
    paint: { 'line-color': '#00a4e0', 'line-width': 4 },
  })
}

/** The chosen area's border; hidden, and then not even fetched, while no area is chosen. */
function addAreaOutline(m: MapLibreMap): void {
  m.addSource('cim:areas', {
    type: 'vector',
    tiles: [ownOrigin('/collections/lpg.districts/tiles/WebMercatorQuad/{z}/{y}/{x}')],
    maxzoom: 14,
  })
  m.addLayer(
    {
      id: 'cim:area',
      type: 'line',
      source: 'cim:areas',
      'source-layer': 'lpg.districts',
      layout: { visibility: 'none', 'line-join': 'round' },
      paint: { 'line-color': '#0b5cad', 'line-width': 2.5, 'line-opacity': 0.8 },
    },
    TOP,
  )
}

export function select(geometry: GeoJSON.Geometry | null): void {
  const source = map.value?.getSource('cim:selection') as GeoJSONSource | undefined
  source?.setData(geometry ? { type: 'Feature', geometry, properties: {} } : emptyCollection)
}

function layerAbove(id: string): string {
  for (const next of drawOrder.slice(drawOrder.indexOf(id) + 1)) {
    const ids = added.get(next)
    if (ids?.length) return ids[0]
  }
  return TOP
}

async function sync(m: MapLibreMap, layer: LayerState): Promise<void> {
  const known = added.get(layer.id)
  if (known) {
    setVisible(m, known, layer.visible)
    return
  }
  if (!layer.visible || adding.has(layer.id)) return
  adding.add(layer.id)
  try {
    const scope = { area: view.area, filters: { ...layer.filters } }
    const look = layer.look
    const result = await addStyle(m, styleOf(layer.id, look), '', layerAbove(layer.id), true, scope)
    if (look !== layer.look) {
      removeLayers(m, result.layerIds)
      return
    }
    added.set(layer.id, result.layerIds)
    // Area, filter or switch may have changed while the style was on its way.
    setScope(m, layer.id, { area: view.area, filters: layer.filters })
    setVisible(m, result.layerIds, layer.visible)
  } catch (error) {
    const problem = error instanceof ProblemError ? error.problem : toProblem(error)
    layer.error = problemText(problem)
  } finally {
    adding.delete(layer.id)
  }
  if (!added.has(layer.id) && layer.visible && !layer.error) void sync(m, layer)
}

/** Draws a layer in another of its styles. */
function restyle(m: MapLibreMap, layer: LayerState): void {
  removeLayers(m, added.get(layer.id) ?? [])
  added.delete(layer.id)
  void sync(m, layer)
}

function bounds(m: MapLibreMap): number[] {
  const b = m.getBounds()
  return [
    Math.max(-180, b.getWest()),
    Math.max(-90, b.getSouth()),
    Math.min(180, b.getEast()),
    Math.min(90, b.getNorth()),
  ]
}

let countTimer = 0
function countSoon(m: MapLibreMap): void {
  window.clearTimeout(countTimer)
  countTimer = window.setTimeout(() => {
    for (const layer of visibleLayers.value) void refreshInView(layer, bounds(m))
  }, 300)
}

/** Wires state to a loaded map: switches, filters, area, counts, camera in the address. */
export function attach(m: MapLibreMap): void {
  addSelection(m)
  map.value = m
  watch(
    () => layers.map((layer) => layer.visible),
    () => layers.forEach((layer) => void sync(m, layer)),
    { immediate: true },
  )
  for (const layer of layers) {
    watch(
      () => [view.area, JSON.stringify(layer.filters)],
      () => setScope(m, layer.id, { area: view.area, filters: layer.filters }),
    )
    watch(() => layer.look, () => restyle(m, layer))
    watch(
      () => layer.pos,
      (_, before) => {
        // Records changed behind the page: the same addresses, asked again.
        if (before !== null) setScope(m, layer.id, { area: view.area, filters: layer.filters })
      },
    )
  }
  watch(night, () => {
    for (const layer of layers.filter((each) => added.has(each.id))) {
      void recolour(m, styleOf(layer.id, layer.look), '')
    }
  })
  attachPulse(m)
  addAreaOutline(m)
  watch(() => view.area, () => void showArea(m))
  if (view.area && !view.camera) void showArea(m)
  watch(
    () => view.area,
    (area) => {
      const codes = area ? areaCodes(area) : ['']
      m.setFilter('cim:area', ['match', ['get', 'code'], codes, true, false])
      m.setLayoutProperty('cim:area', 'visibility', area ? 'visible' : 'none')
    },
    { immediate: true },
  )
  watch(
    () => [view.area, ...layers.map((l) => `${l.visible}${JSON.stringify(l.filters)}`)],
    () => {
      // A figure of the former area or class must not stand beside the new map.
      for (const layer of layers) layer.inView = null
      countSoon(m)
    },
    { immediate: true },
  )
  const remember = (): void => {
    const c = m.getCenter()
    view.camera = { zoom: m.getZoom(), lat: c.lat, lon: c.lng }
  }
  m.on('moveend', () => {
    remember()
    countSoon(m)
  })
  remember()
}

export interface Hit {
  layer: string
  fid: number
}

/** Records this near, 10 cm, would cover each other at any zoom. */
const ONE_PLACE_DEG = 1e-6

/** Goes where a cluster comes apart; its records are the hits when they lie in one place, or when it is apart already. */
async function openCluster(m: MapLibreMap, layer: string, id: number): Promise<Hit[]> {
  const filters = layers.find((each) => each.id === layer)?.filters ?? {}
  const cluster = await fetchCluster(layer, id, view.area, filters)
  if (!cluster.bbox) return []
  const most = m.getMaxZoom()
  const [west, south, east, north] = cluster.bbox
  const inOnePlace = east - west < ONE_PLACE_DEG && north - south < ONE_PLACE_DEG
  if (inOnePlace || m.getZoom() >= cluster.zoom || cluster.zoom > most) {
    return cluster.fids.map((fid) => ({ layer, fid }))
  }
  const fits = m.cameraForBounds([west, south, east, north], { padding: 40, maxZoom: most })
  m.easeTo({
    center: fits?.center ?? [(west + east) / 2, (south + north) / 2],
    zoom: Math.min(Math.max(cluster.zoom, fits?.zoom ?? 0), most),
  })
  return []
}

/** Records under the pointer, topmost first; a cluster or a rated area there is drilled into instead. */
export async function hitsAt(m: MapLibreMap, event: MapMouseEvent): Promise<Hit[]> {
  const { x, y } = event.point
  const ids = layers.filter((l) => l.visible).flatMap((l) => added.get(l.id) ?? [])
  const found = m.queryRenderedFeatures(
    [
      [x - 4, y - 4],
      [x + 4, y + 4],
    ],
    { layers: ids.filter((id) => m.getLayer(id)) },
  )
  const area = found.find((feature) => /\.(hexagons|areas)$/.test(String(feature.sourceLayer)))
  if (area) {
    m.easeTo({ center: event.lngLat, zoom: Math.min(m.getZoom() + 2, 14) })
    return []
  }
  const cluster = found[0]?.properties.cluster ? found[0] : undefined
  if (cluster) return openCluster(m, String(cluster.sourceLayer), Number(cluster.properties.cluster_id))
  const hits = new Map<string, Hit>()
  for (const feature of found) {
    const fid = Number(feature.properties.fid ?? feature.id)
    if (feature.properties.cluster || !Number.isFinite(fid)) continue
    hits.set(`${feature.sourceLayer}/${fid}`, { layer: String(feature.sourceLayer), fid })
  }
  return [...hits.values()]
}
