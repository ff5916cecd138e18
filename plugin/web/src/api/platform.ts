// The host's interfaces as the map uses them.
import { query, request } from '@cim/api'
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
  const filter = Object.entries(filters)
    .map(([name, value]) => `"${name}" = ${/^(true|false)$/.test(value) ? value : `'${value.replace(/'/g, "''")}'`}`)
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

/** Every record of the area and classes, not one page: the host streams it. */
export function exportUrl(id: string, format: 'json' | 'csv', q: ItemQuery): string {
  return `${base(id)}/items${query({ ...itemParams(q), export: 'true', f: format })}`
}
