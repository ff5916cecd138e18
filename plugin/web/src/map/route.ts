// The route on the map: drawn by clicks, coloured by risk, its elements around it.
import { pick } from '@cim/i18n'
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { watch } from 'vue'
import { routeOpen } from '../state/panels'
import {
  answer,
  chosen,
  clearAnswer,
  deviated,
  groupColours,
  kindNames,
  planned,
  question,
  questionLine,
  riskColour,
  riskShare,
  run,
  storedRoutes,
  trackLine,
  type ElementFeature,
} from '../state/route'
import { boundsOf } from './bounds'
import { distanceM, type LonLat } from './geodesy'

const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
const FONT = ['Noto Sans CJK SC Bold', 'Source Han Sans SC', 'Microsoft YaHei', 'sans-serif']

let host: MapLibreMap | null = null
let moving: LonLat | null = null

function put(id: string, data: GeoJSON.FeatureCollection): void {
  ;(host?.getSource(id) as GeoJSONSource | undefined)?.setData(data)
}

/** The part of a line between two chainages; straight between its positions, as it is drawn. */
export function slice(line: LonLat[], fromM: number, toM: number): LonLat[] {
  const part: LonLat[] = []
  let at = 0
  for (let i = 1; i < line.length; i++) {
    const [p, q] = [line[i - 1], line[i]]
    const edge = distanceM(p, q)
    const along = (m: number): LonLat => {
      const share = edge > 0 ? Math.min(Math.max((m - at) / edge, 0), 1) : 0
      return [p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1])]
    }
    if (at + edge >= fromM && at <= toM) {
      if (!part.length) part.push(along(fromM))
      part.push(along(toM))
    }
    at += edge
  }
  return part
}

function lineFeatures(): GeoJSON.Feature[] {
  const line = questionLine()
  const whole = run.drawing && moving && line.length ? [...line, moving] : line
  const profile = answer.value?.profile
  if (whole.length < 2) return []
  if (!profile) {
    return [{ type: 'Feature', geometry: { type: 'LineString', coordinates: whole }, properties: { colour: '#1d5fa8' } }]
  }
  return profile.map((link) => ({
    type: 'Feature',
    geometry: { type: 'LineString', coordinates: slice(line, link.from_m, link.to_m) },
    properties: { colour: riskColour(riskShare(link, profile)) },
  }))
}

function draw(): void {
  const shown = routeOpen.value
  const line = shown ? questionLine() : []
  const points: GeoJSON.Feature[] =
    question.source === 'drawn'
      ? line.map((p) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: p }, properties: {} }))
      : []
  put('cim:route', { type: 'FeatureCollection', features: shown ? [...lineFeatures(), ...points] : [] })
}

/** The route that the track should have kept to, and where it did not. */
function drawPlanned(): void {
  const line = (coordinates: LonLat[], off: boolean): GeoJSON.Feature => ({
    type: 'Feature',
    geometry: { type: 'LineString', coordinates },
    properties: { off },
  })
  const features =
    routeOpen.value && planned.value && trackLine.value.length
      ? [line(planned.value.line, false), ...deviated.value.map((part) => line(part, true))]
      : []
  put('cim:route-planned', { type: 'FeatureCollection', features })
}

const groupOf = (kind: string): string => answer.value?.kinds.find((k) => k.kind === kind)?.group ?? ''
export const kindName = (kind: string): string => {
  const name = kindNames.value.find((k) => k.value === kind)
  return name ? pick(name) : kind
}

function drawElements(): void {
  const features = routeOpen.value ? (answer.value?.elements.features ?? []) : []
  put('cim:route-elements', {
    type: 'FeatureCollection',
    features: features.map((f, i) => ({
      type: 'Feature',
      geometry: f.geometry,
      properties: {
        i,
        colour: groupColours[groupOf(f.properties.kind)] ?? '#555',
        label: `${kindName(f.properties.kind)} ${f.properties.distance_m.toFixed(0)} m`,
        chosen: f.id === chosen.value?.id,
      },
    })),
  })
}

function onClick(event: MapMouseEvent): void {
  if (!run.drawing) return
  question.line = [...question.line, [event.lngLat.lng, event.lngLat.lat]]
}

function onMove(event: MapMouseEvent): void {
  if (!run.drawing) return
  moving = [event.lngLat.lng, event.lngLat.lat]
  draw()
}

function onDouble(event: MapMouseEvent): void {
  if (!run.drawing) return
  event.preventDefault()
  // The second click of the pair has added the last position once more.
  question.line = question.line.slice(0, -1)
  endDrawing()
}

export function startDrawing(): void {
  clearAnswer()
  question.source = 'drawn'
  question.stored = []
  question.vehicles = []
  question.line = []
  run.drawing = true
  if (host) host.getCanvas().style.cursor = 'crosshair'
}

export function endDrawing(): void {
  run.drawing = false
  moving = null
  if (host) host.getCanvas().style.cursor = ''
  draw()
}

export function dropLastPosition(): void {
  question.line = question.line.slice(0, -1)
}

export function showWholeRoute(): void {
  const line = questionLine()
  const bounds = boundsOf([{ type: 'LineString', coordinates: line }])
  if (host && bounds && line.length) host.fitBounds(bounds, { padding: 60, maxZoom: 15 })
}

export function flyToElement(feature: ElementFeature): void {
  chosen.value = feature
  host?.flyTo({
    center: feature.geometry.coordinates as LonLat,
    zoom: Math.max(host.getZoom(), 15),
    duration: 800,
  })
}

/** The element of the answer under the pointer. */
export function elementAt(m: MapLibreMap, event: MapMouseEvent): ElementFeature | undefined {
  if (!routeOpen.value || !answer.value) return undefined
  const found = m.queryRenderedFeatures(event.point, { layers: ['cim:route-element'] })[0]
  return found ? answer.value.elements.features[Number(found.properties.i)] : undefined
}

export function attachRoute(m: MapLibreMap): void {
  host = m
  m.addSource('cim:route', { type: 'geojson', data: nothing })
  m.addSource('cim:route-elements', { type: 'geojson', data: nothing })
  m.addSource('cim:route-planned', { type: 'geojson', data: nothing })
  m.addLayer({
    id: 'cim:route-planned',
    type: 'line',
    source: 'cim:route-planned',
    filter: ['!', ['get', 'off']],
    layout: { 'line-join': 'round', 'line-cap': 'round' },
    paint: { 'line-color': '#5b6b7a', 'line-width': 3 },
  })
  m.addLayer({
    id: 'cim:route-casing',
    type: 'line',
    source: 'cim:route',
    filter: ['!=', ['geometry-type'], 'Point'],
    layout: { 'line-join': 'round', 'line-cap': 'round' },
    paint: { 'line-color': '#ffffff', 'line-width': 8 },
  })
  m.addLayer({
    id: 'cim:route-line',
    type: 'line',
    source: 'cim:route',
    filter: ['!=', ['geometry-type'], 'Point'],
    layout: { 'line-join': 'round', 'line-cap': 'round' },
    paint: { 'line-color': ['get', 'colour'], 'line-width': 5 },
  })
  m.addLayer({
    id: 'cim:route-deviation',
    type: 'line',
    source: 'cim:route-planned',
    filter: ['get', 'off'],
    layout: { 'line-join': 'round' },
    paint: { 'line-color': '#d0021b', 'line-width': 5, 'line-dasharray': [2, 1.2] },
  })
  m.addLayer({
    id: 'cim:route-point',
    type: 'circle',
    source: 'cim:route',
    filter: ['==', ['geometry-type'], 'Point'],
    paint: {
      'circle-radius': 4,
      'circle-color': '#ffffff',
      'circle-stroke-color': '#1d5fa8',
      'circle-stroke-width': 2,
    },
  })
  m.addLayer({
    id: 'cim:route-element',
    type: 'circle',
    source: 'cim:route-elements',
    paint: {
      'circle-radius': ['case', ['get', 'chosen'], 11, 7],
      'circle-color': ['get', 'colour'],
      'circle-stroke-color': ['case', ['get', 'chosen'], '#00c2ff', '#ffffff'],
      'circle-stroke-width': ['case', ['get', 'chosen'], 4, 2],
    },
  })
  m.addLayer({
    id: 'cim:route-label',
    type: 'symbol',
    source: 'cim:route-elements',
    minzoom: 11,
    layout: {
      'text-field': ['get', 'label'],
      'text-font': FONT,
      'text-size': 12,
      'text-anchor': 'left',
      'text-offset': [0.9, 0],
    },
    paint: { 'text-color': '#1d2733', 'text-halo-color': '#ffffff', 'text-halo-width': 1.5 },
  })
  m.on('click', onClick)
  m.on('mousemove', onMove)
  m.on('dblclick', onDouble)
  watch([() => question.line, () => question.source, () => question.stored, storedRoutes, trackLine, answer, routeOpen], draw)
  watch([deviated, planned, routeOpen], drawPlanned)
  watch([answer, chosen, kindNames, routeOpen], drawElements)
  draw()
}
