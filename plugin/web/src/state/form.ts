// The form of an analysis, made of its description: which control each input gets, and what the values of the controls are as inputs.
import { markRaw } from 'vue'
import { featuresOf, type FeaturesOfFile } from '../api/jobs'
import type { Part, ProcessDescription, Schema, ShapeKind } from '../api/processes'
import { t } from '../i18n'
import { featuresOfText } from './shapes'

export type Control =
  | { kind: 'number' | 'flag' | 'numbers' | 'texts' | 'text' | 'time' | 'day' }
  | { kind: 'choice' | 'choices'; values: string[] }
  | { kind: 'field'; of: string }
  | { kind: 'shape'; shape?: ShapeKind }
  | { kind: 'features'; shape?: ShapeKind; layers: boolean }

/** Where the features of an input come from. */
export interface Place {
  /** A layer's id, or 'drawn', or 'file'. */
  from: string
  extent: 'all' | 'area' | 'view'
  text: string
  file: FeaturesOfFile | null
  fileName: string
  crs: string
}

export type Value = string | number | boolean | string[] | Place

/** What the map knows and a form asks for. */
export interface Surroundings {
  area: string | null
  view(): number[] | null
}

const isPlace = (value: Value): value is Place => typeof value === 'object' && !Array.isArray(value)

export function controlOf(schema: Schema): Control {
  const kinds = schema.oneOf ?? [schema]
  const has = (format: string): boolean => kinds.some((one) => one.format === format)
  if (has('geojson-feature-collection')) {
    return { kind: 'features', shape: schema['x-shape'], layers: kinds.some((one) => one.type === 'string') }
  }
  if (has('geojson-geometry') || has('geojson-feature')) return { kind: 'shape', shape: schema['x-shape'] }
  if (schema['x-field-of']) return { kind: 'field', of: schema['x-field-of'] }
  if (schema.enum) return { kind: 'choice', values: schema.enum }
  if (schema.type === 'boolean') return { kind: 'flag' }
  if (schema.type === 'number' || schema.type === 'integer') return { kind: 'number' }
  if (schema.type === 'array' && schema.items?.enum) return { kind: 'choices', values: schema.items.enum }
  if (schema.type === 'array') return { kind: schema.items?.type === 'number' ? 'numbers' : 'texts' }
  if (schema.format === 'date-time') return { kind: 'time' }
  return { kind: schema.format === 'date' ? 'day' : 'text' }
}

export const isAsked = (part: Part): boolean => (part.minOccurs ?? 1) > 0

function newPlace(control: Control, asked: boolean): Place {
  const layers = control.kind === 'features' && control.layers
  return { from: asked && !layers ? 'drawn' : '', extent: 'all', text: '', file: null, fileName: '', crs: '' }
}

/** What the control shows before anybody touched it. */
export function firstValue(part: Part): Value {
  const control = controlOf(part.schema)
  const preset = part.schema.default
  if (control.kind === 'shape' || control.kind === 'features') return newPlace(control, isAsked(part))
  if (control.kind === 'flag') return preset === true
  if (control.kind === 'choices') return Array.isArray(preset) ? (preset as string[]) : []
  if (Array.isArray(preset)) return preset.join(', ')
  return typeof preset === 'number' || typeof preset === 'string' ? preset : ''
}

function isEmpty(value: Value): boolean {
  if (isPlace(value)) {
    if (value.from === 'drawn') return !value.text.trim()
    return value.from === '' || (value.from === 'file' && !value.file)
  }
  return value === '' || (Array.isArray(value) && !value.length)
}

/** Titles of the inputs that are asked for and still empty. */
export function missing(process: ProcessDescription, values: Record<string, Value>): string[] {
  return Object.entries(process.inputs)
    .filter(([name, part]) => isAsked(part) && isEmpty(values[name]))
    .map(([name, part]) => part.title ?? name)
}

/** What cannot be read, under the name of its input. */
export class InputError extends Error {
  constructor(
    readonly input: string,
    message: string,
  ) {
    super(message)
  }
}

const words = (text: string): string[] => text.split(/[\s,，、;；]+/).filter(Boolean)

function numbersOf(name: string, text: string): number[] {
  return words(text).map((word) => {
    if (!Number.isFinite(Number(word))) throw new InputError(name, t('badNumber', { word }))
    return Number(word)
  })
}

function featuresOfPlace(name: string, place: Place): GeoJSON.Feature[] {
  if (place.from === 'file') return place.file!.features
  try {
    return featuresOfText(place.text)
  } catch (error) {
    throw new InputError(name, (error as Error).message)
  }
}

function layerOf(place: Place, around: Surroundings): unknown {
  const bbox = place.extent === 'view' ? around.view() : null
  if (bbox) return { layer: place.from, bbox }
  return place.extent === 'area' && around.area ? { layer: place.from, area: around.area } : place.from
}

function inputOf(name: string, control: Control, value: Value, around: Surroundings): unknown {
  if (isPlace(value)) {
    if (value.from !== 'drawn' && value.from !== 'file') return layerOf(value, around)
    const features = featuresOfPlace(name, value)
    if (control.kind === 'features') return { type: 'FeatureCollection', features }
    if (features.length !== 1) throw new InputError(name, t('oneShape', { n: features.length }))
    return features[0].geometry
  }
  if (control.kind === 'numbers') return numbersOf(name, String(value))
  if (control.kind === 'texts') return words(String(value))
  if (control.kind === 'time') return `${String(value)}:00+08:00`
  return value
}

export function inputsOf(process: ProcessDescription, values: Record<string, Value>, around: Surroundings): Record<string, unknown> {
  const inputs: Record<string, unknown> = {}
  for (const [name, part] of Object.entries(process.inputs)) {
    if (!isEmpty(values[name])) inputs[name] = inputOf(name, controlOf(part.schema), values[name], around)
  }
  return inputs
}

function placeOf(part: Part, input: unknown): Place {
  const place = newPlace(controlOf(part.schema), false)
  if (typeof input === 'string') return { ...place, from: input }
  const given = input as { layer?: string; bbox?: number[]; area?: string }
  if (given.layer) return { ...place, from: given.layer, extent: given.bbox ? 'view' : given.area ? 'area' : 'all' }
  return { ...place, from: 'drawn', text: JSON.stringify(input) }
}

/** The form with which a run of before was asked. */
export function valueOf(part: Part, input: unknown): Value {
  const control = controlOf(part.schema)
  if (input === undefined || input === null) return firstValue(part)
  if (control.kind === 'shape' || control.kind === 'features') return placeOf(part, input)
  if (control.kind === 'choices') return input as string[]
  if (Array.isArray(input)) return input.join(', ')
  if (control.kind === 'time') {
    const ms = Date.parse(String(input))
    return Number.isNaN(ms) ? '' : new Date(ms + 8 * 3_600_000).toISOString().slice(0, 16)
  }
  return input as string | number | boolean
}

export async function bringFile(place: Place, file: File): Promise<void> {
  place.file = markRaw(await featuresOf(file, place.crs.trim()))
  place.fileName = `${file.name} · ${place.file.file.crs}`
  place.from = 'file'
}
