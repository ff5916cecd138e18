import type { Title } from '@cim/i18n'

export interface Area {
  code: string
  name: string
  level: 'province' | 'city' | 'county' | 'town' | 'park'
  parent: string | null
  bbox?: [number, number, number, number] | null
  /** Its last day, where it is no longer in force. */
  ended?: string
}

export interface Summary {
  layer: string
  total: number
  by: string | null
  groups: { value: string | null; count: number }[]
  pos: number
  as_of_ms: number
}

export interface CodeValue {
  value: string
  zh: string
  en: string
}

export interface SchemaProperty {
  title?: string
  type?: string | string[]
  format?: string
  'x-cim-title'?: Title
  'x-cim-codes'?: CodeValue[]
  'x-cim-sensitive'?: string | null
  'x-cim-encrypted'?: boolean
  'x-ogc-unit'?: string
}

export interface LayerSchema {
  title?: string
  'x-cim-title'?: Title
  /** The field that names a record, and the fields of its pop-up in order (from the collection). */
  label: string | null
  popup: string[]
  /** Its geometries are areas. */
  areas: boolean
  required?: string[]
  properties: Record<string, SchemaProperty>
}

export interface Feature {
  type: 'Feature'
  id: number
  geometry: GeoJSON.Geometry | null
  properties: Record<string, unknown>
}

export interface FeatureCollection {
  type: 'FeatureCollection'
  numberMatched?: number
  numberReturned?: number
  features: Feature[]
  links?: { rel: string; href: string }[]
}

export interface Collection {
  id: string
  title?: string
  'x-cim-title'?: Title
  'x-cim-label'?: string
  'x-cim-geometry'?: string
  'x-cim-popup'?: string[]
  /** Records are placed by their address; those of the grades `waiting` are to be placed by hand. */
  'x-cim-placing'?: { address: string; grade: string; waiting: string[] }
}

export interface Basemap {
  id: string
  title: Title
  kind: 'vector' | 'raster'
  style?: string
  tiles?: string[]
  note?: string | null
  note_en?: string | null
  min_zoom?: number
  max_zoom?: number
  attribution?: string
  approval_number?: string | null
}

export interface LegendClass {
  value: string | null
  /** Of a class that is no value of a field. */
  title?: Title
  /** Absent where the map shows nothing for the class. */
  fill?: string
  border?: string
  shape?: string
  /** Of the images: what repeats over the area. */
  pattern?: string
  line?: number
  text?: string
}

export interface LegendSection {
  layer: string
  by: string | null
  title?: Title
  classes: LegendClass[]
  /** False: to filter by, not drawn. */
  symbol?: boolean
  note?: Title
}

/** Records of `layer` whose `field` is the record's own `from`. */
export interface Related {
  layer: string
  field: string
  from: string
}

export interface ImageDef {
  sdf?: boolean
  /** Of a pattern; an icon has none, its layer colours it. */
  color?: string
  size: number
  path: string
}
