// Records that are placed by hand: those whose address was not found well enough, a page at a time.
import { isAbort, problemText, request, toProblem } from '@cim/api'
import { computed, reactive, watch } from 'vue'
import { fetchCollections, fetchItems, fetchSchema, nextCursor, runProcess } from '../api/platform'
import type { Collection, Feature, LayerSchema } from '../api/types'
import type { LonLat } from '../map/geodesy'
import { placingOpen } from './panels'
import { view } from './view'

const PAGE_SIZE = 20

export interface Candidate {
  point: GeoJSON.Point
  grade: string
  error_m: number
  text: string
}

interface Match {
  standard: string
  match: string
  not_understood: string
  candidates: Candidate[]
}

interface Done {
  layer: string
  fid: number
  version: number
  grade: unknown
  label: string
}

export const placing = reactive({
  layers: [] as Collection[],
  layer: '',
  search: '',
  page: 0,
  /** Cursor that opens each page seen so far. */
  cursors: [undefined] as (string | undefined)[],
  rows: [] as Feature[],
  waiting: null as number | null,
  more: false,
  schema: null as LayerSchema | null,
  error: '',
  busy: false,
  chosen: null as Feature | null,
  match: null as Match | null,
  picking: false,
  done: null as Done | null,
})

export const rule = computed(() => placing.layers.find((each) => each.id === placing.layer)?.['x-cim-placing'])

/** A text that the person sees in clear; a mask leaves a star. */
export const addressOf = (row: Feature): string => String(row.properties[rule.value?.address ?? ''] ?? '')
const isClear = (text: string): boolean => text !== '' && !text.includes('*')

let controller: AbortController | null = null

export async function loadQueue(): Promise<void> {
  if (!placingOpen.value || !rule.value) return
  controller?.abort()
  controller = new AbortController()
  const { signal } = controller
  placing.error = ''
  try {
    placing.schema = await fetchSchema(placing.layer)
    const waiting = rule.value.waiting.map((grade) => `'${grade}'`).join(',')
    const page = await fetchItems(
      placing.layer,
      {
        limit: PAGE_SIZE,
        cursor: placing.cursors[placing.page],
        area: view.area,
        search: placing.search,
        filters: { filter: `${rule.value.grade} IN (${waiting})` },
      },
      signal,
    )
    if (signal.aborted) return
    const next = nextCursor(page)
    placing.rows = page.features
    placing.waiting = page.numberMatched ?? null
    placing.more = next !== undefined
    if (next !== undefined) placing.cursors[placing.page + 1] = next
  } catch (error) {
    if (isAbort(error)) return
    placing.rows = []
    placing.error = problemText(toProblem(error))
  }
}

export function restartQueue(): void {
  placing.page = 0
  placing.cursors = [undefined]
  void loadQueue()
}

export function turnQueue(step: number): void {
  placing.page += step
  void loadQueue()
}

/** What its address is found to be, where the person may read it and ask. */
export async function choose(row: Feature): Promise<void> {
  placing.chosen = row
  placing.match = null
  placing.error = ''
  const address = addressOf(row)
  if (!isClear(address)) return
  try {
    const area = row.properties.area_code
    const answer = await runProcess<{ matches: { features: { properties: Match }[] } }>('lpg.geocode', {
      address,
      ...(typeof area === 'string' ? { area } : {}),
    })
    if (placing.chosen === row) placing.match = answer.matches.features[0].properties
  } catch (error) {
    placing.error = problemText(toProblem(error))
  }
}

async function patch(layer: string, fid: number, version: number, body: object): Promise<void> {
  await request(`/collections/${encodeURIComponent(layer)}/items/${fid}`, {
    method: 'PATCH',
    body: JSON.stringify(body),
    contentType: 'application/merge-patch+json',
    ifMatch: `"${version}"`,
  })
}

/** An ordinary update: who came second is told so, and nothing is overwritten. */
export async function placeAt(at: LonLat): Promise<void> {
  const row = placing.chosen
  const field = rule.value
  if (!row || !field || placing.busy) return
  placing.busy = true
  placing.error = ''
  const version = Number(row.properties.version)
  try {
    await patch(placing.layer, row.id, version, {
      geometry: { type: 'Point', coordinates: at },
      properties: { [field.grade]: 'manual' },
    })
    placing.done = {
      layer: placing.layer,
      fid: row.id,
      version: version + 1,
      grade: row.properties[field.grade],
      label: String(row.properties[placing.schema?.label ?? 'uid'] ?? ''),
    }
    placing.chosen = null
    placing.match = null
    await loadQueue()
  } catch (error) {
    placing.error = problemText(toProblem(error))
  }
  placing.busy = false
}

export async function takeBack(): Promise<void> {
  const done = placing.done
  const field = rule.value
  if (!done || !field || placing.busy) return
  placing.busy = true
  try {
    await patch(done.layer, done.fid, done.version, { geometry: null, properties: { [field.grade]: done.grade } })
    placing.done = null
    await loadQueue()
  } catch (error) {
    placing.error = problemText(toProblem(error))
  }
  placing.busy = false
}

export function watchQueue(): () => void {
  void fetchCollections()
    .then((found) => {
      placing.layers = found.filter((each) => each['x-cim-placing'])
      placing.layer = placing.layers[0]?.id ?? ''
    })
    .catch((error: unknown) => (placing.error = problemText(toProblem(error))))
  return watch(() => [placing.layer, view.area], restartQueue)
}

export function clearPlacing(): void {
  placing.chosen = null
  placing.match = null
  placing.picking = false
}
