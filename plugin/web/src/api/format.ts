// A record's values as a person reads them, from the layer's schema.
import { beijingTime, pick } from '@cim/i18n'
import { t } from '../i18n'
import type { LayerSchema, SchemaProperty } from './types'

const RECORD_COLUMNS = ['fid', 'uid', 'version', 'owner_org', 'area_code', 'updated_at']

export interface FieldView {
  name: string
  title: string
  text: string
  masked: boolean
  /** Read in clear, with a reason. */
  clear: boolean
  revealable: boolean
}

/** What somebody may read in clear, and has. */
export interface Reveals {
  allowed: boolean
  values: Record<string, unknown>
}

export function fieldTitle(name: string, property: SchemaProperty | undefined): string {
  return property?.['x-cim-title'] ? pick(property['x-cim-title']) : (property?.title ?? name)
}

export function formatValue(property: SchemaProperty | undefined, value: unknown): string {
  if (value === null || value === undefined || value === '') return '—'
  const codes = property?.['x-cim-codes']
  if (codes) {
    const entry = codes.find((code) => code.value === String(value))
    return entry ? pick(entry) : String(value)
  }
  if (typeof value === 'boolean') return value ? t('yes') : t('no')
  if (property?.format === 'date-time' && typeof value === 'string') {
    const ms = Date.parse(value)
    return Number.isNaN(ms) ? value : beijingTime(ms)
  }
  const text = String(value)
  return property?.['x-ogc-unit'] ? `${text} ${property['x-ogc-unit']}` : text
}

/** Field names in reading order: those of the pop-up first, then the rest of the definition. */
export function fieldOrder(schema: LayerSchema): { first: string[]; rest: string[] } {
  const all = Object.keys(schema.properties).filter(
    (name) => !RECORD_COLUMNS.includes(name) && !/^geom/.test(name),
  )
  const popup = schema.popup.filter((name) => all.includes(name))
  if (!popup.length) return { first: all, rest: [] }
  return { first: popup, rest: all.filter((name) => !popup.includes(name)) }
}

export function fieldViews(
  schema: LayerSchema,
  names: string[],
  values: Record<string, unknown>,
  reveals: Reveals,
): FieldView[] {
  return names
    .filter((name) => name in values || schema.popup.includes(name))
    .map((name) => {
      const property = schema.properties[name]
      const read = name in reveals.values
      const text = formatValue(property, read ? reveals.values[name] : values[name])
      const masked = Boolean(property?.['x-cim-sensitive']) && text.includes('*')
      return {
        name,
        title: fieldTitle(name, property),
        text,
        masked,
        clear: read && !masked,
        revealable: reveals.allowed && masked && !read && Boolean(property?.['x-cim-encrypted']),
      }
    })
}

/** The text that stands for a record in lists: its label field, else the first text that it has. */
export function recordLabel(schema: LayerSchema, values: Record<string, unknown>): string {
  const candidates = [schema.label, ...schema.popup, 'name']
  for (const name of candidates) {
    if (name && values[name]) return formatValue(schema.properties[name], values[name])
  }
  return ''
}
