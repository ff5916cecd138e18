// Objects of an answer as a table: columns by the description, else by what the objects hold, called as their layer calls them.
import { lang, pick } from '@cim/i18n'
import { formatValue, fieldTitle } from '../api/format'
import type { Schema } from '../api/processes'
import type { LayerSchema, SchemaProperty } from '../api/types'
import { t } from '../i18n'

export interface Column {
  path: string
  title: string
  text(row: Record<string, unknown>): string
  isNumber: boolean
}

export interface Table {
  columns: Column[]
  rows: Record<string, unknown>[]
}

const COLUMNS_MAX = 9
/** What a person reads in no table. */
const TECHNICAL = ['fid', 'uid', 'version', 'owner_org', 'area_code', 'updated_at', 'made_up']

function follow(row: Record<string, unknown>, path: string): unknown {
  return path.split('.').reduce<unknown>((value, step) => (value as Record<string, unknown> | null)?.[step], row)
}

export function plain(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return value ? t('yes') : t('no')
  if (Array.isArray(value)) return value.map(plain).join('、')
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value)
  const digits = Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 0.01 ? 3 : 0
  return digits ? String(Number(value.toFixed(digits))) : value.toPrecision(3)
}

function declared(schema: Schema): Column[] {
  // Those with a title in the other language alone say the same again.
  const columns = (schema['x-columns'] ?? []).filter((column) => column[lang.value] || !column[lang.value === 'zh' ? 'en' : 'zh'])
  return columns.map((column) => {
    const name = (value: unknown): string => {
      const title = typeof value === 'string' ? column.values?.[value] : undefined
      return title ? pick(title) : plain(value)
    }
    const read = (row: Record<string, unknown>): unknown => follow(row, column.path)
    return {
      path: column.path,
      title: pick(column),
      text: (row) => {
        const value = read(row)
        return Array.isArray(value) ? value.map(name).join('、') : name(value)
      },
      isNumber: false,
    }
  })
}

/** What an attribute is called without what names its input. */
function origin(name: string, from: Record<string, string>): { input: string; field: string } {
  const longest = Object.entries(from).sort(([, a], [, b]) => b.length - a.length)
  const [input, prefix] = longest.find(([, one]) => name.startsWith(one)) ?? ['', '']
  return { input, field: name.slice(prefix.length) }
}

function found(rows: Record<string, unknown>[], schema: Schema, inputs: Record<string, unknown>, schemas: Record<string, LayerSchema>): Column[] {
  const from = schema['x-properties-of'] ?? {}
  const says = (name: string): boolean => rows.some((row) => row[name] !== null && typeof row[name] !== 'object')
  const names = Object.keys(rows[0] ?? {}).filter((name) => !TECHNICAL.includes(origin(name, from).field) && says(name))
  return names.slice(0, COLUMNS_MAX).map((name) => {
    const { input, field } = origin(name, from)
    const given = inputs[input] as string | { layer?: string } | undefined
    const layer = typeof given === 'string' ? given : given?.layer
    const property: SchemaProperty | undefined = layer ? schemas[layer]?.properties[field] : undefined
    return {
      path: name,
      title: property ? fieldTitle(name, property) : name,
      text: (row) => (property && row[name] !== null && row[name] !== undefined ? formatValue(property, row[name]) : plain(row[name])),
      isNumber: false,
    }
  })
}

export function tableOf(rows: Record<string, unknown>[], schema: Schema, inputs: Record<string, unknown>, schemas: Record<string, LayerSchema>): Table {
  const columns = schema['x-columns'] ? declared(schema) : found(rows, schema, inputs, schemas)
  for (const column of columns) column.isNumber = rows.some((row) => typeof follow(row, column.path) === 'number')
  return { columns, rows }
}
