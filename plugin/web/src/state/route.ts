// The route whose hazards the page shows: what is asked, and what came back.
import { isAbort, problemText, toProblem } from '@cim/api'
import { computed, reactive, shallowRef } from 'vue'
import { fetchItems, fetchSchema, runProcess } from '../api/platform'
import type { CodeValue, Feature } from '../api/types'
import { deviations } from '../map/deviation'
import { lengthM, type LonLat } from '../map/geodesy'
import { collectionTitles, layerOf } from './layers'

export const PROCESS = 'lpg.route-hazards'
const STORED_LAYER = 'lpg.transport-routes'
const VEHICLES_LAYER = 'lpg.vehicles'
const TRACKS_LAYER = 'lpg.vehicle-positions'
const CHOICES_MAX = 500
const TRACK_PAGE = 5000
/** Metres off its route that count as a deviation, where the route does not say itself. */
const DEVIATION_M = 200

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

/** One of several routes of a run; tracks are cut where the vehicle stood or was silent. */
export type RouteResult = Omit<RouteAnswer, 'kinds'> & { id: string | null }

export type Source = 'drawn' | 'stored' | 'track'

interface Question {
  source: Source
  line: LonLat[]
  /** uids of stored routes */
  stored: string[]
  /** vehicle_no */
  vehicles: string[]
  from: string
  to: string
  /** uid of the stored route that the track should have kept to */
  planned: string
  distance: 'default' | 'one'
  distanceM: number
  kinds: string[]
  departAt: string
}

export const question = reactive<Question>({
  source: 'drawn',
  line: [],
  stored: [],
  vehicles: [],
  from: '',
  to: '',
  planned: '',
  distance: 'default',
  distanceM: 500,
  kinds: [],
  departAt: '',
})

export const answer = shallowRef<RouteAnswer | null>(null)
/** Of a run over several routes, of which `answer` is the one that is shown. */
export const results = shallowRef<RouteResult[]>([])
export const shownResult = shallowRef<RouteResult | null>(null)
export const run = reactive({ busy: false, error: '', drawing: false })
export const chosen = shallowRef<ElementFeature | null>(null)
export const storedRoutes = shallowRef<Feature[]>([])
export const vehicles = shallowRef<Feature[]>([])
/** Where the shown track went. */
export const trackLine = shallowRef<LonLat[]>([])
export const planned = computed(() => {
  const found = storedRoutes.value.find((route) => route.properties.uid === question.planned)
  if (question.source !== 'track' || found?.geometry?.type !== 'LineString') return null
  return { line: found.geometry.coordinates as LonLat[], toleranceM: Number(found.properties.deviation_m ?? DEVIATION_M) }
})
/** What of the shown track lies off that route. */
export const deviated = computed(() =>
  planned.value ? deviations(trackLine.value, planned.value.line, planned.value.toleranceM) : [],
)
export const deviatedM = computed(() => deviated.value.reduce((sum, part) => sum + lengthM(part), 0))
export const kindNames = shallowRef<CodeValue[]>([])
export const groupNames = shallowRef<CodeValue[]>([])

export const hasStored = computed(() => layerOf(STORED_LAYER) !== undefined)
export const hasTracks = computed(() => [VEHICLES_LAYER, TRACKS_LAYER].every((id) => id in collectionTitles.value))
export const ready = computed(() => {
  if (question.source === 'drawn') return question.line.length > 1 && !run.drawing
  if (question.source === 'stored') return question.stored.length > 0
  return question.vehicles.length > 0 && question.from !== '' && question.to !== ''
})

/** Names of kinds and the stored routes; the panel works without either. */
export async function loadRouteChoices(): Promise<void> {
  try {
    const schema = await fetchSchema('lpg.risk-elements')
    kindNames.value = schema.properties.kind?.['x-cim-codes'] ?? []
    groupNames.value = schema.properties.element_group?.['x-cim-codes'] ?? []
    if (hasStored.value) {
      const page = await fetchItems(STORED_LAYER, { limit: CHOICES_MAX, sortby: 'name' })
      storedRoutes.value = page.features
    }
    if (hasTracks.value) {
      const page = await fetchItems(VEHICLES_LAYER, { limit: CHOICES_MAX, sortby: 'vehicle_no' })
      vehicles.value = page.features
    }
  } catch (error) {
    run.error = problemText(toProblem(error))
  }
}

/** The line that the question is about, as the map draws it. */
export function questionLine(): LonLat[] {
  if (question.source === 'drawn') return question.line
  if (question.source === 'track') return trackLine.value
  const uid = shownResult.value?.id ?? question.stored[0]
  const stored = storedRoutes.value.find((route) => route.properties.uid === uid)
  return stored?.geometry?.type === 'LineString' ? (stored.geometry.coordinates as LonLat[]) : []
}

export function clearAnswer(): void {
  controller?.abort()
  answer.value = null
  results.value = []
  shownResult.value = null
  trackLine.value = []
  chosen.value = null
  run.error = ''
}

// The fields hold Beijing time, whatever the clock of this machine says.
const beijing = (field: string): string => `${field}:00+08:00`

function routesAsked(): unknown[] {
  if (question.source === 'stored') return [...question.stored]
  if (question.source === 'track') {
    return question.vehicles.map((vehicle) => ({ vehicle, from: beijing(question.from), to: beijing(question.to) }))
  }
  return [{ type: 'LineString', coordinates: question.line }]
}

/** The positions between two moments, which the analysis took for the route. */
async function fetchTrack(vehicle: string, from: string, to: string, signal: AbortSignal): Promise<LonLat[]> {
  const line: LonLat[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await fetchItems(
      TRACKS_LAYER,
      {
        limit: TRACK_PAGE,
        cursor,
        sortby: 'fixed_at',
        filters: { vehicle_no: vehicle, datetime: `${from}/${to}` },
      },
      signal,
    )
    for (const { properties: p } of page.features) line.push([Number(p.lon), Number(p.lat)])
    const next = page.links?.find((link) => link.rel === 'next')
    cursor = next ? (new URL(next.href, location.href).searchParams.get('cursor') ?? undefined) : undefined
    if (!cursor) return line
  }
}

/** Shows one of several results; its track is drawn as soon as it is there. */
export async function showResult(result: RouteResult): Promise<void> {
  const kinds = answer.value?.kinds ?? []
  shownResult.value = result
  chosen.value = null
  answer.value = { ...result, kinds }
  await showTrack(result.id)
}

async function showTrack(id: string | null): Promise<void> {
  if (question.source !== 'track' || !controller) return
  const [vehicle, from, to] = id?.split('/') ?? [question.vehicles[0], beijing(question.from), beijing(question.to)]
  try {
    trackLine.value = await fetchTrack(vehicle, from, to, controller.signal)
  } catch (error) {
    if (!isAbort(error)) run.error = problemText(toProblem(error))
  }
}

let controller: AbortController | null = null

export async function runQuestion(): Promise<void> {
  if (!ready.value) return
  clearAnswer()
  controller = new AbortController()
  const signal = controller.signal
  const routes = routesAsked()
  const inputs: Record<string, unknown> = routes.length > 1 ? { routes } : { route: routes[0] }
  if (question.distance === 'one') inputs.distance_m = question.distanceM
  if (question.kinds.length) inputs.kinds = question.kinds
  if (question.departAt) inputs.depart_at = beijing(question.departAt)
  run.busy = true
  try {
    const whole = await runProcess<RouteAnswer & { results: RouteResult[] }>(PROCESS, inputs, signal)
    results.value = whole.results
    answer.value = whole
    if (whole.results.length) await showResult(whole.results[0])
    else await showTrack(null)
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
