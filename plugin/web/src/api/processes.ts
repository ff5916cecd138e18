// What analyses there are and what each takes and answers, as the host describes it.
import { query, request } from '@cim/api'
import { lang, type Title } from '@cim/i18n'

export interface Schema {
  type?: string
  format?: string
  enum?: string[]
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  maxLength?: number
  default?: unknown
  items?: Schema
  oneOf?: Schema[]
  /** What a person calls the values of `enum`. */
  'x-values'?: Record<string, Title>
  /** The one kind of geometry that is taken. */
  'x-shape'?: ShapeKind
  /** The input over whose layer this names a field. */
  'x-field-of'?: string
  'x-columns'?: ColumnOf[]
  /** The property by which the features of an output are coloured. */
  'x-grade'?: string
  /** Inputs whose attributes the features carry, and what the names begin with. */
  'x-properties-of'?: Record<string, string>
  /** The layer that takes a feature of this output, with its property `record`. */
  'x-record'?: string
}

export type ShapeKind = 'Point' | 'LineString' | 'Polygon'

export interface ColumnOf extends Title {
  path: string
  values?: Record<string, Title>
}

export interface Part {
  title?: string
  description?: string
  minOccurs?: number
  schema: Schema
}

export interface ProcessDescription {
  id: string
  title: string
  description?: string
  inputs: Record<string, Part>
  outputs: Record<string, Part>
}

export interface ProcessSummary {
  id: string
  'x-cim-title'?: Title
  title?: string
}

/** Those that the person may run. */
export async function fetchProcesses(): Promise<ProcessSummary[]> {
  return (await request<{ processes: ProcessSummary[] }>('/processes')).processes
}

/** In the language of the page. */
export function fetchProcess(id: string): Promise<ProcessDescription> {
  return request<ProcessDescription>(`/processes/${encodeURIComponent(id)}${query({ lang: lang.value })}`)
}
