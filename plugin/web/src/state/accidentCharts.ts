// The accidents of the area by month, county, place and cause; each chart counts what the other three let through.
import { isAbort, problemText, toProblem } from '@cim/api'
import { computed, reactive } from 'vue'
import { beijingDay, intervalText } from '../api/interval'
import { fetchRecords } from '../api/platform'
import { areaOf } from './areas'
import { setFilter, toggleClass, type LayerState } from './layers'
import { view } from './view'

export type Dimension = 'month' | 'area' | 'place_kind' | 'cause'
export const dimensions: Dimension[] = ['month', 'area', 'place_kind', 'cause']

type Accident = Record<Dimension, string> & { grade: string; kind: string; day: string }

const state = reactive({
  accidents: [] as Accident[],
  complete: true,
  error: '',
})
export const accidentCharts = state

/** The county, or whatever the account's tree has nearest above a record. */
function countyOf(code: string): string {
  let area = areaOf(code)
  while (area && !['county', 'city', 'province'].includes(area.level)) area = areaOf(area.parent)
  return area?.code ?? code
}

let running: AbortController | null = null

/** All of what the caller may see: the charts narrow them here, the map by the same filters. */
export async function loadAccidents(layer: LayerState): Promise<void> {
  running?.abort()
  running = new AbortController()
  try {
    const { records, complete } = await fetchRecords(
      layer.id,
      { area: view.area, properties: ['occurred_at', 'area_code', 'place_kind', 'cause', 'grade', 'kind'] },
      running.signal,
    )
    state.accidents = records.map((record) => {
      const day = beijingDay(String(record.occurred_at))
      return {
        day,
        month: day.slice(0, 7),
        area: countyOf(String(record.area_code)),
        place_kind: String(record.place_kind ?? ''),
        cause: String(record.cause ?? ''),
        grade: String(record.grade),
        kind: String(record.kind),
      }
    })
    state.complete = complete
    state.error = ''
  } catch (error) {
    if (!isAbort(error)) state.error = problemText(toProblem(error))
  }
}

function monthAfter(month: string): string {
  const [year, number] = month.split('-').map(Number)
  return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`
}

/** Every month from the first accident to the last, also those without any. */
export const months = computed(() => {
  const seen = state.accidents.map((each) => each.month).sort()
  const list: string[] = []
  for (let month = seen[0]; month && month <= seen[seen.length - 1]; month = monthAfter(month)) list.push(month)
  return list
})

/** The days that the layer's filter lets through; empty: open. */
function span(layer: LayerState): [string, string] {
  const [from, to] = (layer.filters.occurred_at ?? '../..').split('/')
  return [from, to].map((end) => (end === '..' ? '' : beijingDay(end))) as [string, string]
}

function passes(layer: LayerState, each: Accident, except: Dimension): boolean {
  const [from, to] = span(layer)
  const { filters } = layer
  const same = (name: 'place_kind' | 'cause' | 'grade' | 'kind') => !filters[name] || filters[name] === each[name]
  return (
    (except === 'month' || ((!from || each.day >= from) && (!to || each.day <= to))) &&
    (except === 'place_kind' || same('place_kind')) &&
    (except === 'cause' || same('cause')) &&
    same('grade') &&
    same('kind')
  )
}

export interface Bar {
  value: string
  count: number
  on: boolean
}

/** By month in their order, else the most first. */
export function bars(layer: LayerState, by: Dimension): Bar[] {
  const counts = new Map<string, number>(by === 'month' ? months.value.map((month) => [month, 0]) : [])
  for (const each of state.accidents) {
    if (passes(layer, each, by)) counts.set(each[by], (counts.get(each[by]) ?? 0) + 1)
  }
  const found = [...counts].map(([value, count]) => ({ value, count, on: isChosen(layer, by, value) }))
  return by === 'month' ? found : found.sort((a, b) => b.count - a.count)
}

function isChosen(layer: LayerState, by: Dimension, value: string): boolean {
  if (by === 'area') return view.area === value
  if (by !== 'month') return layer.filters[by] === value
  const [from, to] = span(layer)
  return Boolean(layer.filters.occurred_at) && (!from || value >= from.slice(0, 7)) && (!to || value <= to.slice(0, 7))
}

/** The months from one to another, both included; all of them: no filter. */
export function chooseMonths(layer: LayerState, from: string, to: string): void {
  const all = from === months.value[0] && to === months.value[months.value.length - 1]
  const last = new Date(Date.UTC(Number(to.slice(0, 4)), Number(to.slice(5, 7)), 0)).getUTCDate()
  setFilter(layer, 'occurred_at', all ? '' : intervalText('time', [`${from}-01`, `${to}-${last}`]))
}

let areaBefore: string | null = null

/** A bar filters the map; the same bar again lets go. */
export function choose(layer: LayerState, by: Dimension, value: string): void {
  if (by === 'month') {
    const only = isChosen(layer, by, value) && bars(layer, by).filter((bar) => bar.on).length === 1
    if (only) setFilter(layer, 'occurred_at', '')
    else chooseMonths(layer, value, value)
  } else if (by === 'area') {
    if (view.area === value) view.area = areaBefore
    else [areaBefore, view.area] = [view.area, value]
  } else if (value) toggleClass(layer, by, value)
}
