// The rings of an accident on the map, its place, and who would come to help.
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { watch } from 'vue'
import { answer, place, pointer, type Ring } from '../state/consequence'
import { consequenceOpen } from '../state/panels'
import { boundsOf } from './bounds'
import type { LonLat } from './geodesy'

const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
const FONT = ['Noto Sans CJK SC Bold', 'Source Han Sans SC', 'Microsoft YaHei', 'sans-serif']
const shades = ['#ffd43b', '#ff922b', '#f76707', '#e03131', '#a61e4d']

/** The largest ring is the palest. */
export const ringColour = (i: number, n: number): string => shades[Math.min(shades.length - 1, i + Math.max(0, shades.length - n))]

let host: MapLibreMap | null = null

function draw(): void {
  const features: GeoJSON.Feature[] = []
  const rings: Ring[] = consequenceOpen.value ? (answer.value?.answer.rings.features ?? []) : []
  rings.forEach((ring, i) =>
    features.push({
      type: 'Feature',
      geometry: ring.geometry,
      properties: { kind: 'ring', colour: ringColour(i, rings.length), label: `${ring.properties.value} ${ring.properties.unit} · ${ring.properties.radius_m.toFixed(1)} m` },
    }),
  )
  if (consequenceOpen.value && place.value) {
    features.push({ type: 'Feature', geometry: { type: 'Point', coordinates: place.value }, properties: { kind: 'place', label: '' } })
    for (const near of answer.value?.answer.nearest ?? []) {
      features.push({ type: 'Feature', geometry: { type: 'LineString', coordinates: [place.value, near.at.coordinates] }, properties: { kind: 'help' } })
      features.push({ type: 'Feature', geometry: near.at, properties: { kind: 'helper', label: near.name } })
    }
  }
  ;(host?.getSource('cim:consequence') as GeoJSONSource | undefined)?.setData({ type: 'FeatureCollection', features })
}

function onClick(event: MapMouseEvent): void {
  if (!pointer.picking) return
  place.value = [event.lngLat.lng, event.lngLat.lat]
  endPicking()
}

export function startPicking(): void {
  pointer.picking = true
  if (host) host.getCanvas().style.cursor = 'crosshair'
}

export function endPicking(): void {
  pointer.picking = false
  if (host) host.getCanvas().style.cursor = ''
}

/** From the record that is open. */
export function placeAt(at: LonLat): void {
  place.value = at
}

export function showRings(): void {
  const rings = answer.value?.answer.rings.features ?? []
  const bounds = boundsOf(rings.map((ring) => ring.geometry))
  if (host && bounds) host.fitBounds(bounds, { padding: 50, maxZoom: 18, duration: 400 })
}

export function attachConsequence(m: MapLibreMap): void {
  host = m
  m.addSource('cim:consequence', { type: 'geojson', data: nothing })
  m.addLayer({
    id: 'cim:consequence-ring',
    type: 'fill',
    source: 'cim:consequence',
    filter: ['==', ['get', 'kind'], 'ring'],
    paint: { 'fill-color': ['get', 'colour'], 'fill-opacity': 0.22 },
  })
  m.addLayer({
    id: 'cim:consequence-edge',
    type: 'line',
    source: 'cim:consequence',
    filter: ['in', ['get', 'kind'], ['literal', ['ring', 'help']]],
    paint: { 'line-color': ['coalesce', ['get', 'colour'], '#1d5fa8'], 'line-width': 1.8 },
  })
  m.addLayer({
    id: 'cim:consequence-point',
    type: 'circle',
    source: 'cim:consequence',
    filter: ['in', ['get', 'kind'], ['literal', ['place', 'helper']]],
    paint: {
      'circle-radius': 7,
      'circle-color': ['match', ['get', 'kind'], 'place', '#c62828', '#1d5fa8'],
      'circle-stroke-color': '#ffffff',
      'circle-stroke-width': 2,
    },
  })
  m.addLayer({
    id: 'cim:consequence-label',
    type: 'symbol',
    source: 'cim:consequence',
    filter: ['==', ['get', 'kind'], 'ring'],
    layout: { 'symbol-placement': 'line', 'text-field': ['get', 'label'], 'text-font': FONT, 'text-size': 11, 'symbol-spacing': 400 },
    paint: { 'text-color': '#1d2733', 'text-halo-color': '#ffffff', 'text-halo-width': 1.5 },
  })
  m.on('click', onClick)
  watch([answer, place, consequenceOpen], draw)
  draw()
}
