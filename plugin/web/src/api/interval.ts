// Filters from–to as the platform takes them, "from/to" with ".." for an open end, and as a person fills them in.
import type { SchemaProperty } from './types'

/** A time is filled in as a day, of Beijing. */
export type Order = 'number' | 'date' | 'time'

const OPEN = '..'
const DAY_BEGINS = 'T00:00:00.000+08:00'
const DAY_ENDS = 'T23:59:59.999+08:00'

/** null: the values have no order worth an interval. */
export function orderOf(property: SchemaProperty): Order | null {
  if (property['x-cim-codes']) return null
  const types = [property.type].flat()
  if (types.includes('number') || types.includes('integer')) return 'number'
  if (property.format === 'date') return 'date'
  return property.format === 'date-time' ? 'time' : null
}

type Ends = [string, string]

/** Ends in their order, whichever way round they were filled in; empty: open. */
export function intervalOf([from, to]: Ends): Ends {
  const turned = from && to && (Number.isNaN(Number(from)) ? from > to : Number(from) > Number(to))
  return turned ? [to, from] : [from, to]
}

/** Empty when both ends are open: no filter. */
export function intervalText(order: Order, [from, to]: Ends): string {
  if (!from && !to) return ''
  const moment = (day: string, clock: string) => (order === 'time' ? new Date(day + clock).toISOString() : day)
  return `${from ? moment(from, DAY_BEGINS) : OPEN}/${to ? moment(to, DAY_ENDS) : OPEN}`
}

/** The day in Beijing on which a time lies. */
export const beijingDay = (time: string | number): string => new Date(new Date(time).getTime() + 8 * 3600_000).toISOString().slice(0, 10)

/** What intervalText() was made of. */
export function intervalDays(order: Order, text = ''): Ends {
  const [from = OPEN, to = OPEN] = text.split('/')
  const filled = (end: string) => (end === OPEN || !end ? '' : order === 'time' ? beijingDay(end) : end)
  return [filled(from), filled(to)]
}

/** The same in CQL2 text. */
export function intervalCql2(name: string, text: string): string[] {
  const literal = (end: string) => (Number.isNaN(Number(end)) ? `'${end}'` : end)
  return text
    .split('/')
    .flatMap((end, i) => (end === OPEN ? [] : [`"${name}" ${i ? '<=' : '>='} ${literal(end)}`]))
}
