// A siting plan on the map: the area drawn by clicks, the land that is left, candidates and the sites that were chosen.
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { watch } from 'vue'
import { planOpen } from '../state/panels'
import { area, askWhy, choiceSites, chosenSite, corners, pointer, setArea, shown, why, type FrontierPoint, type SiteFeature } from '../state/plan'
import { verdictColours } from '../state/siting'
import { boundsOf } from './bounds'
import type { LonLat } from './geodesy'

const HOVER_MS = 150
const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }
const FONT = ['Noto Sans CJK SC Bold', 'Source Han Sans SC', 'Microsoft YaHei', 'sans-serif']

export const planColours = { area: '#1d5fa8', land: '#2f9e44', candidate: '#8a97a5', site: '#d9480f' }

let host: MapLibreMap | null = null
let moving: LonLat | null = null
let timer = 0

function feature(geometry: GeoJSON.Geometry, properties: GeoJSON.GeoJsonProperties): GeoJSON.Feature {
  return { type: 'Feature', geometry, properties }
}

function siteFeatures(): GeoJSON.Feature[] {
  const answer = shown.value?.answer
  if (!answer) return []
  const candidates = answer.candidates.features.map((f) => feature(f.geometry, { kind: 'candidate', label: '' }))
  const sites = answer.chosen.features.map((f, i) => feature(f.geometry, { kind: 'site', label: String(i + 1), i }))
  return [...candidates, ...sites]
}

function draw(): void {
  const open = planOpen.value
  const features: GeoJSON.Feature[] = []
  const drawn = pointer.drawing && moving && corners.value.length ? [...corners.value, moving] : corners.value
  if (open && pointer.drawing && drawn.length > 1) {
    features.push(feature({ type: 'LineString', coordinates: [...drawn, drawn[0]] }, { kind: 'area' }))
  } else if (open && area.value) features.push(feature(area.value, { kind: 'area' }))
  if (open && shown.value) features.push(feature(shown.value.answer.feasible, { kind: 'land' }))
  if (open) features.push(...siteFeatures())
  if (open) features.push(...choiceSites.value.map((f) => feature(f.geometry, { kind: 'ring', label: '' })))
  if (open && chosenSite.value) features.push(feature(chosenSite.value.geometry, { kind: 'ring', label: '' }))
  if (open && why.value) {
    features.push(feature({ type: 'Point', coordinates: why.value.at }, { kind: 'why', label: '', colour: verdictColours[why.value.answer.verdict] }))
  }
  ;(host?.getSource('cim:plan') as GeoJSONSource | undefined)?.setData({ type: 'FeatureCollection', features })
}

const at = (event: MapMouseEvent): LonLat => [event.lngLat.lng, event.lngLat.lat]

function onMove(event: MapMouseEvent): void {
  if (pointer.drawing) {
    moving = at(event)
    draw()
  } else if (pointer.hovering) {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void askWhy(at(event)), HOVER_MS)
  }
}

function onClick(event: MapMouseEvent): void {
  if (pointer.drawing) corners.value = [...corners.value, at(event)]
  else if (pointer.hovering) {
    window.clearTimeout(timer)
    endHovering()
    void askWhy(at(event))
  }
}

function onDouble(event: MapMouseEvent): void {
  if (!pointer.drawing) return
  event.preventDefault()
  // The second click of the pair has added the last corner once more.
  corners.value = corners.value.slice(0, -1)
  endArea()
}

export function startArea(): void {
  endHovering()
  shown.value = null
  corners.value = []
  setArea(null, '')
  pointer.drawing = true
  if (host) host.getCanvas().style.cursor = 'crosshair'
}

export function endArea(): void {
  pointer.drawing = false
  moving = null
  if (corners.value.length > 2) {
    setArea({ type: 'Polygon', coordinates: [[...corners.value, corners.value[0]]] }, '')
  }
  if (host) host.getCanvas().style.cursor = ''
  draw()
}

export function dropLastCorner(): void {
  corners.value = corners.value.slice(0, -1)
}

export function startWhy(): void {
  pointer.hovering = true
  if (host) host.getCanvas().style.cursor = 'crosshair'
}

export function endHovering(): void {
  pointer.hovering = false
  window.clearTimeout(timer)
  if (host) host.getCanvas().style.cursor = ''
}

/** The view as the area; called when one was brought or opened. */
export function showArea(): void {
  const bounds = area.value && boundsOf([area.value])
  if (host && bounds) host.fitBounds(bounds, { padding: 40, maxZoom: 17, duration: 400 })
}

/** What is drawn in the view, where no border is at hand. */
export function takeView(): void {
  if (!host) return
  const b = host.getBounds()
  const ring: LonLat[] = [
    [b.getWest(), b.getSouth()],
    [b.getEast(), b.getSouth()],
    [b.getEast(), b.getNorth()],
    [b.getWest(), b.getNorth()],
    [b.getWest(), b.getSouth()],
  ]
  corners.value = []
  shown.value = null
  setArea({ type: 'Polygon', coordinates: [ring] }, '')
}

export function flyToSite(site: SiteFeature): void {
  chosenSite.value = site
  host?.flyTo({ center: site.geometry.coordinates as LonLat, zoom: Math.max(host.getZoom(), 17), duration: 800 })
}

/** The sites of a choice of the frontier, all of them in the view. */
export function flyToChoice(choice: FrontierPoint): void {
  const sites = shown.value?.answer.candidates.features.filter((f) => choice.sites.includes(String(f.id))) ?? []
  choiceSites.value = sites
  const bounds = boundsOf(sites.map((f) => f.geometry))
  if (host && bounds) host.fitBounds(bounds, { padding: 60, maxZoom: 17, duration: 800 })
}

export function attachPlan(m: MapLibreMap): void {
  host = m
  m.addSource('cim:plan', { type: 'geojson', data: nothing })
  m.addLayer({
    id: 'cim:plan-land',
    type: 'fill',
    source: 'cim:plan',
    filter: ['==', ['get', 'kind'], 'land'],
    paint: { 'fill-color': planColours.land, 'fill-opacity': 0.35 },
  })
  m.addLayer({
    id: 'cim:plan-line',
    type: 'line',
    source: 'cim:plan',
    filter: ['in', ['get', 'kind'], ['literal', ['area', 'land']]],
    paint: {
      'line-color': ['match', ['get', 'kind'], 'land', planColours.land, planColours.area],
      'line-width': ['match', ['get', 'kind'], 'land', 1, 2.5],
    },
  })
  m.addLayer({
    id: 'cim:plan-point',
    type: 'circle',
    source: 'cim:plan',
    filter: ['in', ['get', 'kind'], ['literal', ['candidate', 'site', 'ring', 'why']]],
    paint: {
      'circle-radius': ['match', ['get', 'kind'], 'candidate', 3, 'ring', 13, 'why', 7, 10],
      'circle-color': ['match', ['get', 'kind'], 'candidate', planColours.candidate, 'ring', 'rgba(0,0,0,0)', 'why', ['get', 'colour'], planColours.site],
      'circle-stroke-color': ['match', ['get', 'kind'], 'ring', '#00c2ff', '#ffffff'],
      'circle-stroke-width': ['match', ['get', 'kind'], 'candidate', 0.5, 'ring', 4, 2],
    },
  })
  m.addLayer({
    id: 'cim:plan-label',
    type: 'symbol',
    source: 'cim:plan',
    filter: ['==', ['get', 'kind'], 'site'],
    layout: { 'text-field': ['get', 'label'], 'text-font': FONT, 'text-size': 12, 'text-allow-overlap': true },
    paint: { 'text-color': '#ffffff' },
  })
  m.on('mousemove', onMove)
  m.on('click', onClick)
  m.on('dblclick', onDouble)
  watch([area, corners, shown, chosenSite, choiceSites, why, planOpen, () => pointer.drawing], draw)
  draw()
}
