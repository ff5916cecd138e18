// Reads what a manifest or a registration lists, whatever shape its entries have.
import { pick, type Title } from '@cim/i18n'

function entryText(entry: unknown): string {
  if (typeof entry === 'string') return entry
  if (!entry || typeof entry !== 'object') return String(entry)
  const o = entry as Record<string, unknown>
  const key = [o.method, o.id ?? o.pattern ?? o.path ?? o.name].filter(Boolean).join(' ')
  const titled = o.title && typeof o.title === 'object' ? o.title : o
  const title = 'zh' in titled ? pick(titled as Title) : ''
  if (key) return title ? `${key} ${title}` : key
  return JSON.stringify(entry)
}

export function entries(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(entryText)
  if (value && typeof value === 'object') {
    return Object.entries(value).map(([key, inner]) =>
      typeof inner === 'string' ? `${key}: ${inner}` : key,
    )
  }
  return value === undefined || value === null ? [] : [String(value)]
}

/** The first of several places where a manifest may say it. */
export function lookup(source: Record<string, unknown> | null, ...paths: string[]): string[] {
  for (const path of paths) {
    let at: unknown = source
    for (const step of path.split('.')) {
      at = at && typeof at === 'object' ? (at as Record<string, unknown>)[step] : undefined
    }
    const found = entries(at)
    if (found.length) return found
  }
  return []
}
