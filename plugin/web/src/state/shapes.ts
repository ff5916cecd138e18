// Geometries as a person types them: "110.33, 20.03" a line, WKT, or GeoJSON; and back.
import type { ShapeKind } from '../api/processes'
import { t } from '../i18n'
import type { LonLat } from '../map/geodesy'

export type Shape = GeoJSON.Point | GeoJSON.LineString | GeoJSON.Polygon | GeoJSON.MultiPolygon | GeoJSON.MultiLineString | GeoJSON.MultiPoint

const NUMBER = '[-+]?\\d+(?:\\.\\d*)?'
const PAIR = new RegExp(`^(${NUMBER})(?:\\s*[,，]\\s*|\\s+)(${NUMBER})$`)

function position(text: string): LonLat | null {
  const found = PAIR.exec(text.trim())
  if (!found) return null
  const at: LonLat = [Number(found[1]), Number(found[2])]
  return Math.abs(at[0]) <= 180 && Math.abs(at[1]) <= 90 ? at : null
}

const nesting: Record<string, { type: Shape['type']; depth: number }> = {
  POINT: { type: 'Point', depth: 0 },
  LINESTRING: { type: 'LineString', depth: 1 },
  POLYGON: { type: 'Polygon', depth: 2 },
  MULTIPOINT: { type: 'MultiPoint', depth: 1 },
  MULTILINESTRING: { type: 'MultiLineString', depth: 2 },
  MULTIPOLYGON: { type: 'MultiPolygon', depth: 3 },
}

/** "110 20, 111 20" in brackets becomes nested lists of positions; null when it is no such text. */
function nested(text: string, depth: number): unknown {
  const json = text.replace(new RegExp(`(${NUMBER})\\s+(${NUMBER})`, 'g'), '[$1,$2]').replace(/\(/g, '[').replace(/\)/g, ']')
  try {
    let value = JSON.parse(json) as unknown
    if (depth === 0) value = (value as unknown[])[0]
    let first = value
    for (let i = 0; i < depth; i++) first = (first as unknown[])[0]
    return typeof (first as number[])[0] === 'number' ? value : null
  } catch {
    return null
  }
}

function ofWkt(text: string): Shape | null {
  const [, name, rest] = /^([A-Za-z]+)\s*(\(.*\))$/s.exec(text.trim()) ?? []
  const kind = name && nesting[name.toUpperCase()]
  const coordinates = kind ? nested(rest, kind.depth) : null
  return kind && coordinates ? ({ type: kind.type, coordinates } as Shape) : null
}

function ofGeoJson(text: string): GeoJSON.Feature[] | null {
  try {
    const value = JSON.parse(text) as GeoJSON.GeoJSON
    if (value.type === 'FeatureCollection') return value.features
    if (value.type === 'Feature') return [value]
    return [{ type: 'Feature', geometry: value, properties: {} }]
  } catch {
    return null
  }
}

/** Throws a sentence that names the line which cannot be read. */
export function featuresOfText(text: string): GeoJSON.Feature[] {
  if (/^\s*\{/.test(text)) {
    const found = ofGeoJson(text)
    if (found) return found
    throw new Error(t('badGeoJson'))
  }
  const lines = text.split(/\r?\n|;/).map((line) => line.trim())
  return lines.filter(Boolean).map((line) => {
    const at = position(line)
    const geometry: Shape | null = at ? { type: 'Point', coordinates: at } : ofWkt(line)
    if (!geometry) throw new Error(t('badShape', { line: line.slice(0, 60) }))
    return { type: 'Feature', geometry, properties: {} }
  })
}

const pair = (at: LonLat): string => `${at[0].toFixed(7)} ${at[1].toFixed(7)}`

export function textOf(kind: ShapeKind, corners: LonLat[]): string {
  if (kind === 'Point') return corners.map((at) => `${at[0].toFixed(6)}, ${at[1].toFixed(6)}`).join('\n')
  if (kind === 'LineString') return `LINESTRING (${corners.map(pair).join(', ')})`
  return `POLYGON ((${[...corners, corners[0]].map(pair).join(', ')}))`
}
