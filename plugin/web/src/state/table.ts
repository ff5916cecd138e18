// The result table: one page of one layer, in the area and classes that the map shows.
import { isAbort, problemText, toProblem } from '@cim/api'
import { computed, reactive, watch } from 'vue'
import { fetchItems, fetchSchema, nextCursor, type ItemQuery } from '../api/platform'
import type { Feature, LayerSchema } from '../api/types'
import { layerOf, visibleLayers } from './layers'
import { tableOpen } from './panels'
import { view } from './view'

export const PAGE_SIZE = 20

interface TableState {
  layer: string
  search: string
  sortby: string
  page: number
  /** Cursor that opens each page seen so far; the first page needs none. */
  cursors: (string | undefined)[]
  rows: Feature[]
  matched: number | null
  more: boolean
  schema: LayerSchema | null
  loading: boolean
  error: string
}

export const table = reactive<TableState>({
  layer: '',
  search: '',
  sortby: '',
  page: 0,
  cursors: [undefined],
  rows: [],
  matched: null,
  more: false,
  schema: null,
  loading: false,
  error: '',
})

let controller: AbortController | null = null

export function tableQuery(): ItemQuery {
  return {
    area: view.area,
    filters: { ...layerOf(table.layer)?.filters },
    search: table.search,
    sortby: table.sortby || undefined,
  }
}

export async function loadPage(): Promise<void> {
  if (!tableOpen.value || !table.layer) return
  controller?.abort()
  controller = new AbortController()
  const signal = controller.signal
  table.loading = true
  table.error = ''
  try {
    table.schema = await fetchSchema(table.layer)
    const cursor = table.cursors[table.page]
    const page = await fetchItems(table.layer, { ...tableQuery(), limit: PAGE_SIZE, cursor }, signal)
    if (signal.aborted) return
    const next = nextCursor(page)
    table.rows = page.features
    table.matched = page.numberMatched ?? null
    table.more = next !== undefined
    if (next !== undefined) table.cursors[table.page + 1] = next
  } catch (error) {
    if (isAbort(error)) return
    table.rows = []
    table.error = problemText(toProblem(error))
  }
  table.loading = false
}

export function restart(): void {
  table.page = 0
  table.cursors = [undefined]
  void loadPage()
}

export function turn(step: number): void {
  table.page += step
  void loadPage()
}

const tabs = computed(() => visibleLayers.value.map((layer) => layer.id))

export function watchTable(): () => void {
  const stopTabs = watch(
    tabs,
    (ids) => {
      if (!ids.includes(table.layer)) table.layer = ids[0] ?? ''
    },
    { immediate: true },
  )
  const stopLayer = watch(
    () => table.layer,
    () => {
      table.sortby = ''
      table.search = ''
      table.rows = []
      table.matched = null
      table.schema = null
    },
  )
  const stopScope = watch(
    () => [table.layer, view.area, JSON.stringify(layerOf(table.layer)?.filters), tableOpen.value],
    restart,
    { immediate: true },
  )
  return () => [stopTabs, stopLayer, stopScope].forEach((stop) => stop())
}
