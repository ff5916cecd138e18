// The route whose hazards the page shows: what is asked, and what came back.
import { isAbort, problemText, toProblem } from '@cim/api'
import { computed, reactive, shallowRef } from 'vue'
import { fetchItems, fetchSchema, runProcess } from '../api/platform'
import type { CodeValue, Feature } from '../api/types'
import type { LonLat } from '../map/geodesy'
import { layerOf } from './layers'

export const PROCESS = 'lpg.route-hazards'
const STORED_LAYER = 'lpg.transport-routes'
const STORED_MAX = 500

export interface ElementProperties {
  element: string
  name: string
  kind: string
  distance_m: number
  at_m: number
  from_m: number
  to_m: number
  stretches?: [number, number][]
  limit_m: number
  persons: number
  persons_assumed: boolean
  to_confirm: boolean
  score: number
}

export interface ElementFeature {
  type: 'Feature'
  id: string
  geometry: GeoJSON.Point
  properties: ElementProperties
}

export interface Link {
  from_m: number
  to_m: number
  road_class: string | null
  persons: number
  risk: number
}

export interface Restriction {
  restriction: string
  zh: string
  en: string
  clause: string
  from_m: number
  to_m: number
  hours?: [string, string]
  in_hours?: boolean
}

export interface KindUsed {
  kind: string
  group: string
  distance_m: number
  zh: string
  en: string
  to_confirm: boolean
}

export interface RouteAnswer {
  length_m: number
  elements: { type: 'FeatureCollection'; features: ElementFeature[] }
  profile: Link[]
  exposed_population: { band_m: number; persons: number; in_elements: number; residents: number }
  risk: { incident_probability: number; expected: number; conditional: number; largest_persons: number }
  restrictions: Restriction[]
  totals: { elements: number; links: number; as_of: string }
  assumed: { links_of_unknown_road: number; elements_without_persons: number; elements_to_confirm: number }
  kinds: KindUsed[]
}

interface Question {
  source: 'drawn' | 'stored'
  line: LonLat[]
  /** uid of the stored route */
  stored: string
  distance: 'default' | 'one'
  distanceM: number
  kinds: string[]
  departAt: string
}

export const question = reactive<Question>({
  source: 'drawn',
  line: [],
  stored: '',
  distance: 'default',
  distanceM: 500,
  kinds: [],
  departAt: '',
})

export const answer = shallowRef<RouteAnswer | null>(null)
export const run = reactive({ busy: false, error: '', drawing: false })
export const chosen = shallowRef<ElementFeature | null>(null)
export const storedRoutes = shallowRef<Feature[]>([])
export const kindNames = shallowRef<CodeValue[]>([])
export const groupNames = shallowRef<CodeValue[]>([])

export const hasStored = computed(() => layerOf(STORED_LAYER) !== undefined)
export const ready = computed(() =>
  question.source === 'drawn' ? question.line.length > 1 && !run.drawing : question.stored !== '',
)

/** Names of kinds and the stored routes; the panel works without either. */
export async function loadRouteChoices(): Promise<void> {
  try {
    const schema = await fetchSchema('lpg.risk-elements')
    kindNames.value = schema.properties.kind?.['x-cim-codes'] ?? []
    groupNames.value = schema.properties.element_group?.['x-cim-codes'] ?? []
    if (hasStored.value) {
      const page = await fetchItems(STORED_LAYER, { limit: STORED_MAX, sortby: 'name' })
      storedRoutes.value = page.features
    }
  } catch (error) {
    run.error = problemText(toProblem(error))
  }
}

/** The line that the question is about, as the map draws it. */
export function questionLine(): LonLat[] {
  if (question.source === 'drawn') return question.line
  const stored = storedRoutes.value.find((route) => route.properties.uid === question.stored)
  return stored?.geometry?.type === 'LineString' ? (stored.geometry.coordinates as LonLat[]) : []
}

export function clearAnswer(): void {
  controller?.abort()
  answer.value = null
  chosen.value = null
  run.error = ''
}

let controller: AbortController | null = null

export async function runQuestion(): Promise<void> {
  if (!ready.value) return
  clearAnswer()
  controller = new AbortController()
  const signal = controller.signal
  const inputs: Record<string, unknown> = {
    route:
      question.source === 'stored'
        ? question.stored
        : { type: 'LineString', coordinates: question.line },
  }
  if (question.distance === 'one') inputs.distance_m = question.distanceM
  if (question.kinds.length) inputs.kinds = question.kinds
  // The field holds Beijing time, whatever the clock of this machine says.
  if (question.departAt) inputs.depart_at = `${question.departAt}:00+08:00`
  run.busy = true
  try {
    answer.value = await runProcess<RouteAnswer>(PROCESS, inputs, signal)
  } catch (error) {
    if (isAbort(error)) return
    run.error = problemText(toProblem(error))
  }
  run.busy = false
}

/** Share of the route's riskiest link, 0 to 1. */
export function riskShare(link: Link, profile: Link[]): number {
  const most = Math.max(...profile.map((l) => l.risk))
  return most > 0 ? link.risk / most : 0
}

const RAMP: [number, string][] = [
  [0.7, '#c62828'],
  [0.4, '#ef6c00'],
  [0.2, '#f2b705'],
  [0.05, '#94c120'],
  [0, '#2f9e44'],
]

export const riskColour = (share: number): string => RAMP.find(([from]) => share >= from)![1]
export const rampColours = RAMP.map(([, colour]) => colour).reverse()

/** The colours that the layer's own legend gives its groups. */
export const groupColours: Record<string, string> = {
  crowd: '#8c2d62',
  residential: '#b5651d',
  protected: '#2a7f62',
  structure: '#4a5a8a',
  terrain: '#7a6a3a',
  hazard: '#a01f1f',
  crossing: '#3f3f46',
  key_unit: '#1d5fa8',
}
