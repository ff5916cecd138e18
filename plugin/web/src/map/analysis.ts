// An analysis on the map: what is asked about in outline, what is being drawn, and the layers of the answer in their colours.
import type { GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl'
import { watch } from 'vue'
import { chosen, placesOf, resultLayers, values, type ResultLayer } from '../state/analysis'
import type { Place } from '../state/form'
import { analysisOpen } from '../state/panels'
import { plain } from '../state/tables'
import { featuresOfText } from '../state/shapes'
import { boundsOf } from './bounds'
import type { LonLat } from './geodesy'
import { attachSketch, corners, moving, sketch } from './sketch'

const ASKED = '#1d5fa8'
// Those of a report's map, so that page and document look alike.
const PALETTE = ['#2f9e44', '#1d5fa8', '#c62828', '#f08c00', '#7048e8', '#0b7285', '#a61e4d', '#495057']
const SHADES = ['#ffe066', '#ffa94d', '#f76707', '#d9480f', '#a61e4d', '#5f3dc4']
const nothing: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }

export interface LegendLine {
  colour: string
  title: string
}

let host: MapLibreMap | null = null

const gradeOf = (layer: ResultLayer, feature: GeoJSON.Feature): number => Number(feature.properties?.[layer.schema['x-grade'] ?? ''])
const grades = (layer: ResultLayer): number[] => [...new Set(layer.features.map((feature) => gradeOf(layer, feature)))].sort((a, b) => a - b)

function shade(i: number, n: number): string {
  return SHADES[n > 1 ? Math.round((i * (SHADES.length - 1)) / (n - 1)) : SHADES.length - 1]
}

function colourOf(layer: ResultLayer, number: number, feature: GeoJSON.Feature): string {
  if (!layer.schema['x-grade']) return PALETTE[number % PALETTE.length]
  const all = grades(layer)
  return shade(all.indexOf(gradeOf(layer, feature)), all.length)
}

/** One line a layer, or one a grade. */
export function legendOf(layer: ResultLayer, number: number): LegendLine[] {
  const grade = layer.schema['x-grade']
  if (!grade) return [{ colour: PALETTE[number % PALETTE.length], title: `${layer.title} ${layer.features.length}` }]
  const all = grades(layer)
  return all.map((value, i) => ({ colour: shade(i, all.length), title: `${layer.title} ${plain(value)}` }))
}

const fillRank: Record<string, number> = { Polygon: 0, MultiPolygon: 0, LineString: 1, MultiLineString: 1 }

function resultFeatures(): GeoJSON.Feature[] {
  return resultLayers.value
    .flatMap((layer, number) =>
      layer.features.map((feature, i) => ({
        type: 'Feature' as const,
        geometry: feature.geometry,
        // Wide areas first, so that what they contain is not covered.
        grade: layer.schema['x-grade'] === 'range' ? -gradeOf(layer, feature) : 0,
        properties: { colour: colourOf(layer, number, feature), chosen: chosen.value === `${layer.id}/${i}`, asked: false },
      })),
    )
    .filter((feature) => feature.geometry)
    .sort((a, b) => (fillRank[a.geometry.type] ?? 2) - (fillRank[b.geometry.type] ?? 2) || a.grade - b.grade)
}

function askedFeatures(place: Place): GeoJSON.Feature[] {
  if (place.from === 'file') return place.file?.features ?? []
  if (place.from !== 'drawn') return []
  try {
    return featuresOfText(place.text)
  } catch {
    return []
  }
}

function sketchFeatures(): GeoJSON.Feature[] {
  if (!sketch.drawing) return []
  const line: LonLat[] = moving.value ? [...corners.value, moving.value] : corners.value
  if (sketch.kind === 'Point' || line.length < 2) {
    return corners.value.map((at) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: at }, properties: {} }))
  }
  const ring = sketch.kind === 'Polygon' ? [...line, line[0]] : line
  return [{ type: 'Feature', geometry: { type: 'LineString', coordinates: ring }, properties: {} }]
}

function draw(): void {
  const asked = [...placesOf().flatMap(askedFeatures), ...sketchFeatures()]
  const outlined = asked.map((feature) => ({ ...feature, properties: { colour: ASKED, asked: true, chosen: false } }))
  const features = analysisOpen.value ? [...resultFeatures(), ...outlined] : []
  ;(host?.getSource('cim:analysis') as GeoJSONSource | undefined)?.setData({ type: 'FeatureCollection', features })
}

export function showResult(): void {
  const bounds = boundsOf(resultLayers.value.flatMap((layer) => layer.features.map((feature) => feature.geometry)))
  if (host && bounds) host.fitBounds(bounds, { padding: 50, maxZoom: 16, duration: 400 })
}

export function showFeature(layer: ResultLayer, number: number): void {
  chosen.value = `${layer.id}/${number}`
  const bounds = boundsOf([layer.features[number].geometry])
  if (host && bounds) host.fitBounds(bounds, { padding: 60, maxZoom: 17, duration: 600 })
}

export function viewBox(): number[] | null {
  const b = host?.getBounds()
  return b ? [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((v) => Number(v.toFixed(6))) : null
}

export function attachAnalysis(m: MapLibreMap): void {
  host = m
  m.addSource('cim:analysis', { type: 'geojson', data: nothing })
  m.addLayer({
    id: 'cim:analysis-fill',
    type: 'fill',
    source: 'cim:analysis',
    filter: ['all', ['==', ['geometry-type'], 'Polygon'], ['!', ['get', 'asked']]],
    paint: { 'fill-color': ['get', 'colour'], 'fill-opacity': ['case', ['get', 'chosen'], 0.6, 0.35] },
  })
  m.addLayer({
    id: 'cim:analysis-line',
    type: 'line',
    source: 'cim:analysis',
    filter: ['!=', ['geometry-type'], 'Point'],
    layout: { 'line-join': 'round', 'line-cap': 'round' },
    paint: {
      'line-color': ['case', ['get', 'chosen'], '#00a4e0', ['get', 'colour']],
      'line-width': ['case', ['get', 'chosen'], 6, ['==', ['geometry-type'], 'LineString'], 3, 1.2],
    },
  })
  m.addLayer({
    id: 'cim:analysis-point',
    type: 'circle',
    source: 'cim:analysis',
    filter: ['==', ['geometry-type'], 'Point'],
    paint: {
      'circle-radius': ['case', ['get', 'chosen'], 9, 6],
      'circle-color': ['get', 'colour'],
      'circle-stroke-color': ['case', ['get', 'chosen'], '#00c2ff', '#ffffff'],
      'circle-stroke-width': ['case', ['get', 'chosen'], 4, 1.5],
    },
  })
  attachSketch(m)
  watch([resultLayers, chosen, analysisOpen, corners, moving, () => sketch.drawing], draw)
  watch(values, draw, { deep: true })
  draw()
}
