// Merges the host's per-layer style documents into one live map.
import { query, request } from '@cim/api'
import type {
  FilterSpecification,
  LayerSpecification,
  Map,
  VectorTileSource,
} from 'maplibre-gl'
import type { Filters } from '../api/platform'
import type { ImageDef, LegendSection, Related } from '../api/types'
import { night } from '../state/night'
import { addImages } from './images'

interface StyleDoc {
  name: string
  metadata?: {
    'cim:legend'?: LegendSection[]
    'cim:images'?: Record<string, ImageDef>
    'cim:related'?: Related[]
    'cim:note'?: { zh: string; en: string }
  }
  sources: Record<string, { type: 'vector'; url?: string; tiles?: string[]; minzoom?: number; maxzoom?: number }>
  layers: LayerSpecification[]
}

interface TileJson {
  tiles: string[]
  minzoom?: number
  maxzoom?: number
}

const styleDocs = new globalThis.Map<string, Promise<StyleDoc>>()
const tileJsons = new globalThis.Map<string, Promise<TileJson>>()

function cached<T>(store: globalThis.Map<string, Promise<T>>, url: string): Promise<T> {
  let known = store.get(url)
  if (!known) {
    known = request<T>(url)
    known.catch(() => store.delete(url))
    store.set(url, known)
  }
  return known
}

/** A style in the colours of the hour. */
export function fetchStyle(id: string, dark = night.value): Promise<StyleDoc> {
  return cached(styleDocs, `/styles/${id}${dark ? '-night' : ''}`)
}

/** Gives layers that stand on a map the colours of day or night; view, sources and selection stay. */
export async function recolour(map: Map, styleId: string, prefix: string, dark = night.value): Promise<void> {
  const style = await fetchStyle(styleId, dark)
  for (const layer of style.layers) {
    const id = prefix + layer.id
    if (!map.getLayer(id)) continue
    for (const [name, value] of Object.entries(layer.paint ?? {})) {
      map.setPaintProperty(id, name, value)
    }
  }
}

/** An address on this page's own origin, whatever name the host believes it has. */
export function ownOrigin(url: string): string {
  return location.origin + url.replace(/^https?:\/\/[^/]+/, '')
}

function withParams(template: string, params: Record<string, string | null>): string {
  const extra = query(params)
  if (!extra) return template
  return template + (template.includes('?') ? `&${extra.slice(1)}` : extra)
}

export interface SourceScope {
  area: string | null
  filters: Filters
}

const templates: Record<string, string[]> = {}

async function addSource(map: Map, id: string, spec: StyleDoc['sources'][string], scope: SourceScope) {
  const tilejson: TileJson = spec.url
    ? await cached(tileJsons, ownOrigin(spec.url))
    : { tiles: spec.tiles ?? [], minzoom: spec.minzoom, maxzoom: spec.maxzoom }
  if (map.getSource(id)) return
  templates[id] = tilejson.tiles.map(ownOrigin)
  map.addSource(id, {
    type: 'vector',
    tiles: templates[id].map((url) => withParams(url, { ...scope.filters, area: scope.area })),
    minzoom: tilejson.minzoom ?? 0,
    maxzoom: tilejson.maxzoom ?? 18,
  })
}

/** Points an existing source at another area or class; the view and the other layers stay. */
export function setScope(map: Map, sourceId: string, scope: SourceScope): void {
  const source = map.getSource(sourceId) as VectorTileSource | undefined
  if (!source || !templates[sourceId]) return
  source.setTiles(
    templates[sourceId].map((url) => withParams(url, { ...scope.filters, area: scope.area })),
  )
}

/** The same addresses, asked again; what is drawn stays until the answers are there. */
export function reloadSource(map: Map, id: string): void {
  const source = map.getSource(id) as VectorTileSource | undefined
  source?.setTiles([...source.tiles])
}

export function reloadAll(map: Map): void {
  for (const id of Object.keys(templates)) reloadSource(map, id)
}

export interface AddedStyle {
  layerIds: string[]
  legend: LegendSection[]
}

/** Adds one style's sources and layers under `prefix`, below the layer `beforeId`. */
export async function addStyle(
  map: Map,
  styleId: string,
  prefix: string,
  beforeId: string | undefined,
  visible: boolean,
  scope: SourceScope,
): Promise<AddedStyle> {
  const style = await fetchStyle(styleId)
  addImages(map, style.metadata?.['cim:images'])
  await Promise.all(
    Object.entries(style.sources).map(([id, spec]) => addSource(map, prefix + id, spec, scope)),
  )
  const layerIds: string[] = []
  for (const layer of style.layers) {
    const id = prefix + layer.id
    layerIds.push(id)
    if (map.getLayer(id)) continue
    const spec = { ...layer, id, layout: { ...layer.layout, visibility: visible ? 'visible' : 'none' } }
    if ('source' in layer && typeof layer.source === 'string') {
      ;(spec as { source?: string }).source = prefix + layer.source
    }
    map.addLayer(spec as LayerSpecification, beforeId && map.getLayer(beforeId) ? beforeId : undefined)
  }
  return { layerIds, legend: style.metadata?.['cim:legend'] ?? [] }
}

export function setVisible(map: Map, layerIds: string[], visible: boolean): void {
  for (const id of layerIds) {
    if (map.getLayer(id)) map.setLayoutProperty(id, 'visibility', visible ? 'visible' : 'none')
  }
}

export const nothing: FilterSpecification = ['==', ['literal', 1], 0]

export function removeLayers(map: Map, layerIds: string[]): void {
  for (const id of layerIds) {
    if (map.getLayer(id)) map.removeLayer(id)
  }
}
