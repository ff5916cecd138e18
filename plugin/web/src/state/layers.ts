// The layer tree: what is on, what it is filtered by, and its figures.
import { isAbort, problemText, toProblem } from '@cim/api'
import type { Title } from '@cim/i18n'
import { computed, reactive, ref, watch } from 'vue'
import { fetchCollections, fetchItems, fetchStyles, fetchSummary, type Filters } from '../api/platform'
import type { Collection, LegendSection } from '../api/types'
import { fetchStyle } from '../map/compose'
import { drawOrder, otherLayers, styleOf, themes, type ThemeId } from '../map/themes'
import { night } from './night'
import { view } from './view'

export interface LayerState {
  id: string
  title: Title
  visible: boolean
  /** Styles beside the layer's own, and which of them is drawn (empty: its own). */
  looks: { id: string; title: string }[]
  look: string
  legend: LegendSection[]
  /** by → class value → count, for the chosen area. */
  counts: Record<string, Record<string, number>>
  filters: Filters
  total: number | null
  inView: number | null
  asOfMs: number | null
  /** Position of the change feed that the figures stand at. */
  pos: number | null
  loading: boolean
  error: string
}

export const layers = reactive<LayerState[]>([])
/** Of every collection that the person may read, drawn or not. */
export const collectionTitles = ref<Record<string, Title>>({})
/** Those with a place on the map, whether this page draws them or not. */
export const mapLayers = ref<{ id: string; title: Title }[]>([])
const treeOrder = [...themes.flatMap((theme) => theme.layers), ...otherLayers]

/** In the order of the layer tree, which is not the order of drawing. */
export const visibleLayers = computed(() =>
  layers
    .filter((layer) => layer.visible)
    .sort((a, b) => treeOrder.indexOf(a.id) - treeOrder.indexOf(b.id)),
)
export const asOfMs = computed(() => {
  const times = visibleLayers.value.map((layer) => layer.asOfMs).filter((ms) => ms !== null)
  return times.length ? Math.min(...(times as number[])) : null
})

export function layerOf(id: string): LayerState | undefined {
  return layers.find((layer) => layer.id === id)
}

export function themeLayers(id: ThemeId): string[] {
  return themes.find((theme) => theme.id === id)?.layers ?? []
}

const titleOf = (entry: Collection): Title => entry['x-cim-title'] ?? { zh: entry.title ?? entry.id }

export async function loadLayers(): Promise<void> {
  const [found, styles] = await Promise.all([fetchCollections(), fetchStyles()])
  collectionTitles.value = Object.fromEntries(found.map((entry) => [entry.id, titleOf(entry)]))
  mapLayers.value = found.filter((entry) => entry['x-cim-geometry']).map((entry) => ({ id: entry.id, title: titleOf(entry) }))
  const shown = themeLayers(view.theme)
  for (const id of drawOrder) {
    const collection = found.find((entry) => entry.id === id)
    if (!collection || layerOf(id)) continue
    const title = titleOf(collection)
    layers.push({
      id,
      title,
      visible: shown.includes(id),
      looks: styles
        .filter((style) => style.id.startsWith(`${styleOf(id)}-`) && !style.id.endsWith('-night'))
        .map((style) => ({ id: style.id.slice(styleOf(id).length + 1), title: style.title })),
      look: '',
      legend: [],
      counts: {},
      filters: {},
      total: null,
      inView: null,
      asOfMs: null,
      pos: null,
      loading: false,
      error: '',
    })
  }
}

/** A one-map is a preset: its own layers go on, those of the other four go off, extras stay. */
export function showTheme(id: ThemeId): void {
  view.theme = id
  const wanted = themeLayers(id)
  const ofThemes = themes.flatMap((theme) => theme.layers)
  for (const layer of layers) {
    if (ofThemes.includes(layer.id)) layer.visible = wanted.includes(layer.id)
  }
}

export function toggleClass(layer: LayerState, by: string, value: string): void {
  if (layer.filters[by] === value) delete layer.filters[by]
  else layer.filters[by] = value
}

/** Empty: any value. */
export function setFilter(layer: LayerState, by: string, value: string): void {
  if (value) layer.filters[by] = value
  else delete layer.filters[by]
}

export function clearFilters(layer: LayerState): void {
  for (const by of Object.keys(layer.filters)) delete layer.filters[by]
}

const running = new Map<string, AbortController>()

function restart(key: string): AbortSignal {
  running.get(key)?.abort()
  const controller = new AbortController()
  running.set(key, controller)
  return controller.signal
}

async function loadTotal(layer: LayerState, signal: AbortSignal): Promise<void> {
  const page = await fetchItems(
    layer.id,
    { limit: 1, area: view.area, filters: { ...layer.filters } },
    signal,
  )
  layer.total = page.numberMatched ?? null
}

async function refreshLegend(layer: LayerState): Promise<void> {
  layer.legend = (await fetchStyle(styleOf(layer.id, layer.look))).metadata?.['cim:legend'] ?? []
}

/** Class counts, total and cut-off time of one layer for the chosen area. */
export async function refreshFigures(layer: LayerState): Promise<void> {
  const signal = restart(`figures ${layer.id}`)
  layer.loading = true
  layer.error = ''
  try {
    await refreshLegend(layer)
    const sections = layer.legend.map((section) => section.by).filter((by) => by !== null)
    const answers = await Promise.all(
      sections.map((by) => fetchSummary(layer.id, by as string, view.area, signal)),
    )
    for (const [i, answer] of answers.entries()) {
      layer.counts[sections[i] as string] = Object.fromEntries(
        answer.groups.map((group) => [String(group.value), group.count]),
      )
      layer.asOfMs = answer.as_of_ms
      layer.pos = answer.pos
    }
    if (answers.length && !Object.keys(layer.filters).length) layer.total = answers[0].total
    else await loadTotal(layer, signal)
  } catch (error) {
    if (isAbort(error)) return
    layer.error = problemText(toProblem(error))
  }
  layer.loading = false
}

/** How many records of the layer lie in the visible rectangle: exact, asked from the host. */
export async function refreshInView(layer: LayerState, bbox: number[]): Promise<void> {
  const signal = restart(`view ${layer.id}`)
  try {
    const page = await fetchItems(
      layer.id,
      { limit: 1, bbox, area: view.area, filters: { ...layer.filters } },
      signal,
    )
    layer.inView = page.numberMatched ?? null
  } catch (error) {
    if (!isAbort(error)) layer.inView = null
  }
}

export function refreshAllFigures(): void {
  visibleLayers.value.forEach((layer) => void refreshFigures(layer))
}

export function watchFigures(): void {
  watch(
    () => [night.value, ...layers.map((layer) => layer.look)],
    () => visibleLayers.value.forEach((layer) => void refreshFigures(layer)),
  )
  watch(
    () => [view.area, ...layers.map((l) => `${l.visible}${JSON.stringify(l.filters)}`)],
    () => {
      for (const layer of layers) layer.total = null
      refreshAllFigures()
    },
    { immediate: true },
  )
}
