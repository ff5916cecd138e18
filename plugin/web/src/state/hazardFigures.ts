// What stands above the hazard map: open now, found and closed this month, and how many of these in time.
import { isAbort, problemText, toProblem } from '@cim/api'
import { reactive } from 'vue'
import { beijingDay, intervalText } from '../api/interval'
import { fetchItems, fetchRecords, type Filters } from '../api/platform'
import type { LayerState } from './layers'
import { view } from './view'

export const hazardFigures = reactive({
  open: null as number | null,
  found: null as number | null,
  closed: null as number | null,
  /** Of those closed this month that had a day to be closed by; null: there were none. */
  inTime: null as { n: number; of: number } | null,
  month: '',
  error: '',
})

let running: AbortController | null = null

/** The legend's classes go along; state and time are the figures' own. */
function classes(layer: LayerState): Filters {
  const { state: _state, found_at: _found, rectify_by: _due, ...rest } = layer.filters
  return rest
}

export async function loadHazardFigures(layer: LayerState): Promise<void> {
  running?.abort()
  running = new AbortController()
  const { signal } = running
  const filters = classes(layer)
  const day = beijingDay(layer.asOfMs ?? Date.now())
  const month = `${day.slice(0, 7)}-01`
  const since = intervalText('time', [month, ''])
  const count = async (more: Filters): Promise<number> =>
    (await fetchItems(layer.id, { limit: 1, area: view.area, filters: { ...filters, ...more } }, signal)).numberMatched ?? 0
  try {
    const [all, everClosed, found, closures] = await Promise.all([
      count({}),
      count({ state: 'closed' }),
      count({ found_at: since }),
      fetchRecords(
        layer.id,
        {
          area: view.area,
          filters: { ...filters, state: 'closed', closed_at: since },
          properties: ['closed_at', 'rectify_by', 'extended_to'],
        },
        signal,
      ),
    ])
    const due = closures.records.flatMap((record) => {
      const by = record.extended_to ?? record.rectify_by
      return by ? [{ by: String(by), on: beijingDay(String(record.closed_at)) }] : []
    })
    Object.assign(hazardFigures, {
      open: all - everClosed,
      found,
      closed: closures.records.length,
      inTime: due.length && closures.complete ? { n: due.filter((each) => each.on <= each.by).length, of: due.length } : null,
      month: month.slice(0, 7),
      error: '',
    })
  } catch (error) {
    if (!isAbort(error)) hazardFigures.error = problemText(toProblem(error))
  }
}
