// The host's interfaces as the map uses them.
import { query, request } from '@cim/api'
import { intervalCql2 } from './interval'
import type {
  Area,
  Basemap,
  Collection,
  Feature,
  FeatureCollection,
  LayerSchema,
  Summary,
} from './types'

export type Filters = Record<string, string>

export interface ItemQuery {
  limit?: number
  cursor?: string
  bbox?: number[]
  sortby?: string
  area?: string | null
  filters?: Filters
  search?: string
  /** Only these fields, and no geometry. */
  properties?: string[]
}

const base = (id: string): string => `/collections/${encodeURIComponent(id)}`

export function itemParams(q: ItemQuery): Record<string, string | number | null | undefined> {
  return {
    ...q.filters,
    limit: q.limit,
    cursor: q.cursor,
    bbox: q.bbox?.map((v) => v.toFixed(6)).join(','),
    sortby: q.sortby,
    area: q.area,
    q: q.search?.trim(),
    properties: q.properties?.join(','),
    skipGeometry: q.properties ? 'true' : undefined,
  }
}

export async function fetchAreas(): Promise<Area[]> {
  return (await request<{ areas: Area[] }>('/apps/lpg/api/areas')).areas
}

export function fetchSummary(
  layer: string,
  by: string,
  area: string | null,
  signal?: AbortSignal,
): Promise<Summary> {
  return request<Summary>(`/apps/lpg/api/summary${query({ layer, by, area })}`, { signal })
}

/** What a cluster of a layer's tiles stands for; `zoom`: of the tiles that draw its records apart. */
export interface Cluster {
  count: number
  zoom: number
  bbox: [number, number, number, number] | null
  fids: number[]
}

export function fetchCluster(layer: string, id: number, area: string | null, filters: Filters): Promise<Cluster> {
  const literal = (value: string) => (/^(true|false)$/.test(value) ? value : `'${value.replace(/'/g, "''")}'`)
  const filter = Object.entries(filters)
    .flatMap(([name, value]) => (value.includes('/') ? intervalCql2(name, value) : [`"${name}" = ${literal(value)}`]))
    .join(' AND ')
  return request<Cluster>(`/apps/lpg/api/cluster${query({ layer, id, area, filter: filter || null, limit: 50 })}`)
}

export async function fetchCollections(): Promise<Collection[]> {
  return (await request<{ collections: Collection[] }>('/collections')).collections
}

/** Names of the attributes that a layer's tiles carry, which they can be filtered by. */
export async function fetchTileFields(id: string): Promise<string[]> {
  const tiles = await request<{ vector_layers: { id: string; fields: Record<string, string> }[] }>(
    `${base(id)}/tiles/WebMercatorQuad${query({ f: 'tilejson' })}`,
  )
  return Object.keys(tiles.vector_layers.find((layer) => layer.id === id)?.fields ?? {})
}

export async function fetchStyles(): Promise<{ id: string; title: string }[]> {
  return (await request<{ styles: { id: string; title: string }[] }>('/styles')).styles
}

const schemas = new Map<string, Promise<LayerSchema>>()

export function fetchSchema(id: string): Promise<LayerSchema> {
  let known = schemas.get(id)
  if (!known) {
    known = Promise.all([
      request<LayerSchema>(`${base(id)}/schema`),
      request<Collection>(base(id)),
    ]).then(([schema, collection]) => ({
      ...schema,
      label: collection['x-cim-label'] ?? null,
      popup: collection['x-cim-popup'] ?? [],
      areas: /Polygon$/.test(collection['x-cim-geometry'] ?? ''),
    }))
    known.catch(() => schemas.delete(id))
    schemas.set(id, known)
  }
  return known
}

export function fetchItems(
  id: string,
  q: ItemQuery,
  signal?: AbortSignal,
): Promise<FeatureCollection> {
  return request<FeatureCollection>(`${base(id)}/items${query(itemParams(q))}`, { signal })
}

/** Cursor that opens the next page; undefined: this was the last. */
export function nextCursor(page: FeatureCollection): string | undefined {
  const href = page.links?.find((link) => link.rel === 'next')?.href
  return href ? (new URL(href, location.origin).searchParams.get('cursor') ?? undefined) : undefined
}

const PAGE = 1000
/** More than a page of figures reckons with; `complete` is false then. */
const RECORDS_MAX = 20_000

/** These fields of all records. */
export async function fetchRecords(
  id: string,
  q: ItemQuery & { properties: string[] },
  signal?: AbortSignal,
): Promise<{ records: Record<string, unknown>[]; complete: boolean }> {
  const records: Record<string, unknown>[] = []
  let cursor: string | undefined
  do {
    const page = await fetchItems(id, { ...q, limit: PAGE, cursor }, signal)
    records.push(...page.features.map((feature) => feature.properties))
    cursor = nextCursor(page)
  } while (cursor && records.length < RECORDS_MAX)
  return { records, complete: !cursor }
}

export function fetchItem(id: string, fid: number, signal?: AbortSignal): Promise<Feature> {
  return request<Feature>(`${base(id)}/items/${fid}`, { signal })
}

/** One field of a record in clear; the reason goes into the audit before the value comes. */
export function revealField(id: string, fid: number, field: string, reason: string): Promise<Feature> {
  return request<Feature>(`${base(id)}/items/${fid}${query({ reveal: field, reason })}`)
}

export async function fetchBasemaps(): Promise<Basemap[]> {
  return (await request<{ basemaps: Basemap[] }>('/basemaps')).basemaps
}

/** A document of results, each output as its plain value. */
export function plainOutputs<T>(outputs: Record<string, unknown>): T {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => {
      const qualified = output as { mediaType?: string; value?: unknown } | null
      return [name, qualified?.mediaType !== undefined ? qualified.value : output]
    }),
  ) as T
}

/** An analysis, answered within the request. */
export async function runProcess<T>(id: string, inputs: object, signal?: AbortSignal): Promise<T> {
  return plainOutputs<T>(
    await request<Record<string, unknown>>(`/processes/${encodeURIComponent(id)}/execution`, {
      method: 'POST',
      json: { inputs, response: 'document' },
      signal,
    }),
  )
}

/** What exports are written as; TXT for layers of areas. */
export const EXPORT_FORMATS = [
  { format: 'json', title: 'GeoJSON', ending: 'geojson' },
  { format: 'csv', title: 'CSV', ending: 'csv' },
  { format: 'xlsx', title: 'XLSX', ending: 'xlsx' },
  { format: 'shp', title: 'Shapefile', ending: 'zip' },
  { format: 'gpkg', title: 'GeoPackage', ending: 'gpkg' },
  { format: 'gdb', title: 'FileGDB', ending: 'gdb.zip' },
  { format: 'kml', title: 'KML', ending: 'kml' },
  { format: 'kmz', title: 'KMZ', ending: 'kmz' },
  { format: 'gml', title: 'GML', ending: 'gml' },
  { format: 'dxf', title: 'DXF', ending: 'dxf' },
  { format: 'txt', title: 'TXT', ending: 'txt' },
] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]['format']

/** Every record of the area and classes, not one page: the host makes it in pieces. */
export function exportUrl(id: string, format: ExportFormat, q: ItemQuery, more: Record<string, string> = {}): string {
  return `${base(id)}/items${query({ ...itemParams(q), ...more, export: 'true', f: format })}`
}
