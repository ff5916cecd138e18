import type { Title } from '@cim/i18n'

export type PluginState = 'disabled' | 'enabling' | 'enabled' | 'failed'

export interface Plugin {
  id: string
  name: Title | null
  version: string
  state: PluginState
  reason: string | null
  /** How it ended earlier workers, newest first. */
  failures: { at: string; kind: 'crash' | 'hang' | 'memory' | 'exit'; number: number }[]
  manifest: Record<string, unknown> | null
  registered: Record<string, unknown> | null
}

export interface Finding {
  row: number
  field: string | null
  value: string | null
  zh: string
  en: string
}

export interface ImportReport {
  layer: string
  read: number
  written: number
  refused: Finding[]
  refused_total: number
  warnings: Finding[]
  warned_total: number
  /** Of layers that are placed by their address: how many records got a position of which grade. */
  placed?: { grade: string; zh: string; en: string; count: number; good: boolean }[]
  dry_run: boolean
  format: string
  crs: string
  encoding: string
  ignored_columns: string[]
  /** By which it can be undone; absent where nothing was written. */
  batch?: string
}

export interface ImportFile {
  file: string
  name: string
  bytes: number
}

export interface PreviewColumn {
  name: string
  type: string
  field: string
  position: boolean
}

export interface Preview {
  name: string
  bytes: number
  questions: { param: string; zh: string; en: string }[]
  format: string
  crs: string
  encoding: string
  layers?: string[]
  layer?: string
  count?: number
  columns?: PreviewColumn[]
  rows?: (string | number | null)[][]
  types?: Record<string, number>
  without_geometry?: number
  sampled?: number
  bbox?: [number, number, number, number]
}

export interface ImportRequest {
  layer: string
  name: string
  crs: string
  encoding: string
  source_layer: string
  map: { column: string; field: string }[]
  set: { field: string; value: string }[]
  values: { field: string; from: string; to: string }[]
  row_wise: boolean
  dry_run: boolean
  geometry: 'refuse' | 'repair' | 'keep'
  compare: boolean
  overlaps: boolean
}

export interface ImportJob {
  job: string
  state: 'accepted' | 'running' | 'successful' | 'failed' | 'dismissed'
  owner: string
  fraction: number
  message: Title
  created: string
  started: string | null
  finished: string | null
  expires: string | null
  error: Title | null
  request: ImportRequest
  report?: ImportReport | null
  files?: string[]
}

export interface LayerField {
  name: string
  title: Title
  required: boolean
  codes: { value: string; zh: string; en: string }[]
}
