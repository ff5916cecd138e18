// Siting on the map: the place asked about, stations by their verdict, and where one might move.
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { watch } from 'vue'
import { sitingOpen } from '../state/panels'
import {
  askPlace,
  chosen,
  compliance,
  place,
  run,
  verdictColours,
  whyNot,
  type StationFeature,
} from '../state/siting'
import type { LonLat } from './geodesy'

const HOVER_MS = 120
const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
const FONT = ['Noto Sans CJK SC Bold', 'Source Han Sans SC', 'Microsoft YaHei', 'sans-serif']

let host: MapLibreMap | null = null
let timer = 0

function pointOf(at: LonLat, properties: GeoJSON.GeoJsonProperties): GeoJSON.Feature {
  return { type: 'Feature', geometry: { type: 'Point', coordinates: at }, properties }
}

function stationFeatures(): GeoJSON.Feature[] {
  return (compliance.value?.stations.features ?? []).flatMap((station, i) => {
    const at = station.geometry.coordinates as LonLat
    const { verdict, short_m, cures } = station.properties
    const isChosen = station.id === chosen.value?.id
    const features = [
      pointOf(at, { i, colour: verdictColours[verdict], chosen: isChosen, label: short_m > 0 ? `−${short_m.toFixed(1)} m` : '' }),
    ]
    const move = cures.find((cure) => cure.cure === 'move')
    if (isChosen && move?.cure === 'move') {
      features.push({ type: 'Feature', geometry: { type: 'LineString', coordinates: [at, move.to.coordinates] }, properties: {} })
      features.push(pointOf(move.to.coordinates as LonLat, { colour: '#1d5fa8', chosen: false, label: `${move.metres.toFixed(1)} m` }))
    }
    return features
  })
}

function draw(): void {
  const features = sitingOpen.value ? stationFeatures() : []
  if (sitingOpen.value && place.value) {
    const colour = whyNot.value ? verdictColours[whyNot.value.verdict] : '#8a97a5'
    features.push(pointOf(place.value, { colour, chosen: true, label: '' }))
  }
  ;(host?.getSource('cim:siting') as GeoJSONSource | undefined)?.setData({ type: 'FeatureCollection', features })
}

const at = (event: MapMouseEvent): LonLat => [event.lngLat.lng, event.lngLat.lat]

function onMove(event: MapMouseEvent): void {
  if (!run.hovering) return
  window.clearTimeout(timer)
  timer = window.setTimeout(() => void askPlace(at(event)), HOVER_MS)
}

function onClick(event: MapMouseEvent): void {
  if (!run.hovering) return
  window.clearTimeout(timer)
  stopHovering()
  void askPlace(at(event))
}

export function startHovering(): void {
  run.hovering = true
  if (host) host.getCanvas().style.cursor = 'crosshair'
}

export function stopHovering(): void {
  run.hovering = false
  window.clearTimeout(timer)
  if (host) host.getCanvas().style.cursor = ''
}

export function flyToStation(station: StationFeature): void {
  chosen.value = station
  host?.flyTo({ center: station.geometry.coordinates as LonLat, zoom: Math.max(host.getZoom(), 17), duration: 800 })
}

export function attachSiting(m: MapLibreMap): void {
  host = m
  m.addSource('cim:siting', { type: 'geojson', data: nothing })
  m.addLayer({
    id: 'cim:siting-move',
    type: 'line',
    source: 'cim:siting',
    filter: ['==', ['geometry-type'], 'LineString'],
    paint: { 'line-color': '#1d5fa8', 'line-width': 3, 'line-dasharray': [2, 1] },
  })
  m.addLayer({
    id: 'cim:siting-point',
    type: 'circle',
    source: 'cim:siting',
    filter: ['==', ['geometry-type'], 'Point'],
    paint: {
      'circle-radius': ['case', ['get', 'chosen'], 10, 7],
      'circle-color': ['get', 'colour'],
      'circle-stroke-color': ['case', ['get', 'chosen'], '#00c2ff', '#ffffff'],
      'circle-stroke-width': ['case', ['get', 'chosen'], 4, 2],
    },
  })
  m.addLayer({
    id: 'cim:siting-label',
    type: 'symbol',
    source: 'cim:siting',
    filter: ['==', ['geometry-type'], 'Point'],
    layout: { 'text-field': ['get', 'label'], 'text-font': FONT, 'text-size': 12, 'text-anchor': 'left', 'text-offset': [0.9, 0] },
    paint: { 'text-color': '#1d2733', 'text-halo-color': '#ffffff', 'text-halo-width': 1.5 },
  })
  m.on('mousemove', onMove)
  m.on('click', onClick)
  watch([place, whyNot, compliance, chosen, sitingOpen], draw)
  draw()
}
