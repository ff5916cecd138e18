// Where stations are to stand: the area and the wish, a run as a job, scenarios side by side, runs of before.
import { isAbort } from '@cim/api'
import { computed, reactive, shallowRef } from 'vue'
import { featuresOf, jobResults, recentRuns, type JobStatus, type RunOf } from '../api/jobs'
import { runProcess } from '../api/platform'
import { t } from '../i18n'
import type { LonLat } from '../map/geodesy'
import { errorOf, jobRunner } from './job'
import type { RuleLine, Verdict, WhyNot } from './siting'

export const PROCESS = 'lpg.siting'

export type AreaShape = GeoJSON.Polygon | GeoJSON.MultiPolygon

export type Existing = 'fixed' | 'movable' | 'ignore'

export type DemandBy = 'users' | 'gas'
export type Places = 'land' | 'buildings'

export interface PlanInputs {
  area: AreaShape
  station_class?: 'I' | 'II' | 'III'
  volume_m3?: number
  count?: number
  service_radius_m?: number
  objective?: 'max_coverage' | 'min_distance'
  land_use?: 'apply' | 'ignore'
  existing?: Existing
  by?: 'straight' | 'length'
  capacity?: number
  demand_by?: DemandBy
  candidates_from?: Places
  frontier?: boolean
}

export interface LandRule {
  receptor: string
  required_m: number | null
  takes_m2: number | null
  rule?: { rule_no: string; clause: string; edition: string; to_confirm: boolean }
}

export interface SiteProperties {
  eligible?: boolean
  /** Of the building that a room is in. */
  name?: string | null
  least_margin_m: number | null
  serves?: number
  verdict?: Verdict
  rules?: RuleLine[]
}

export type SiteFeature = GeoJSON.Feature<GeoJSON.Point, SiteProperties>

/** A choice of stations that no other beats in cost, coverage and exposed residents at once. */
export interface FrontierPoint {
  stations: number
  cost: number
  covered_demand: number
  exposed_residents: number
  sites: string[]
}

export interface Rooms {
  buildings: number
  taken: number
  not_taken: Record<string, number>
  assumed: Record<string, number>
}

export interface PlanAnswer extends RunOf<PlanInputs> {
  feasible: GeoJSON.MultiPolygon
  area_m2: number
  land_use_m2: number
  feasible_m2: number
  rules: LandRule[]
  conflict: { land_use: boolean; rules: string[] } | null
  too_few: { without: 'count' | 'spacing_m'; places: number; places_spaced: number } | null
  assumed: Record<string, number>
  candidates: GeoJSON.FeatureCollection<GeoJSON.Point, SiteProperties>
  chosen: GeoJSON.FeatureCollection<GeoJSON.Point, SiteProperties>
  /** Existing stations that give way, where they may. */
  moved: GeoJSON.FeatureCollection<GeoJSON.Point, { name: string }>
  total_demand: number | null
  off_road_demand: number | null
  unserved_demand: number | null
  unknown_demand: number | null
  frontier: FrontierPoint[]
  frontier_complete: boolean | null
  residents_unknown: number | null
  rooms: Rooms | null
  covered_demand: number | null
  weighted_distance_m: number | null
  bound: number | null
  gap: number | null
  proven: boolean
}

export interface Scenario {
  job: string
  name: string
  answer: PlanAnswer
}

export const question = reactive({
  stationClass: 'II' as 'I' | 'II' | 'III',
  volumeM3: 3 as number | '',
  count: 0,
  radiusM: 2000 as number | '',
  objective: 'max_coverage' as 'max_coverage' | 'min_distance',
  landUse: true,
  existing: 'fixed' as Existing,
  by: 'straight' as 'straight' | 'length',
  capacity: '' as number | '',
  demandBy: 'users' as DemandBy,
  places: 'buildings' as Places,
  frontier: false,
  crs: '',
})
export const area = shallowRef<AreaShape | null>(null)
export const corners = shallowRef<LonLat[]>([])
export const areaName = shallowRef('')
export const pointer = reactive({ drawing: false, hovering: false })
const runner = jobRunner<PlanAnswer>(PROCESS)
export const { run, cancel: cancelPlan, say } = runner
export const scenarios = shallowRef<Scenario[]>([])
export const shown = shallowRef<Scenario | null>(null)
export const chosenSite = shallowRef<SiteFeature | null>(null)
/** The sites of a choice of the frontier that is looked at. */
export const choiceSites = shallowRef<SiteFeature[]>([])
export const saved = shallowRef<JobStatus[]>([])
export const why = shallowRef<{ at: LonLat; answer: WhyNot } | null>(null)

const SCENARIOS_MAX = 4

/** Without a radius nothing is covered. */
export const radiusMissing = computed(() => question.count > 0 && question.objective === 'max_coverage' && !(Number(question.radiusM) > 0))
export const ready = computed(() => area.value !== null && !pointer.drawing && !radiusMissing.value)
export const errorText = computed(() =>
  errorOf(run, {
    area: t('planArea'), station_class: t('stationClass'), volume_m3: t('volumeM3'), count: t('siteCount'), service_radius_m: t('serviceRadius'), capacity: t('capacityOfSite'),
  }),
)

export function setArea(shape: AreaShape | null, name: string): void {
  area.value = shape
  areaName.value = name
}

/** The areas of a file become the one that is asked about. */
export async function bringArea(file: File): Promise<void> {
  run.error = ''
  try {
    const found = await featuresOf(file, question.crs.trim())
    const polygons = found.features.flatMap(({ geometry: g }) =>
      g.type === 'Polygon' ? [g.coordinates] : g.type === 'MultiPolygon' ? g.coordinates : [],
    )
    corners.value = []
    setArea(
      polygons.length === 0
        ? null
        : polygons.length === 1
          ? { type: 'Polygon', coordinates: polygons[0] }
          : { type: 'MultiPolygon', coordinates: polygons },
      `${file.name} · ${found.file.crs}`,
    )
    if (!polygons.length) run.error = t('fileHasNoAreas')
  } catch (error) {
    say(error)
  }
}

function choiceInputs(): Partial<PlanInputs> {
  return {
    count: question.count,
    ...(question.radiusM === '' ? {} : { service_radius_m: question.radiusM }),
    objective: question.objective,
    demand_by: question.demandBy,
    ...(question.capacity === '' ? {} : { capacity: question.capacity }),
    ...(question.stationClass === 'III' ? { candidates_from: question.places } : {}),
    ...(question.frontier && question.existing !== 'movable' ? { frontier: true } : {}),
  }
}

export function planInputs(): PlanInputs {
  return {
    area: area.value!,
    station_class: question.stationClass,
    ...(question.volumeM3 === '' ? {} : { volume_m3: question.volumeM3 }),
    ...(question.count > 0 ? choiceInputs() : {}),
    land_use: question.landUse ? 'apply' : 'ignore',
    existing: question.existing,
    by: question.by,
  }
}

/** Submits the question and follows it until it is over. */
export async function runPlan(): Promise<void> {
  const done = await runner.start(planInputs())
  if (done) show(done.job, done.answer)
}

function nameOf(inputs: PlanInputs): string {
  const volume = inputs.volume_m3 === undefined ? '' : ` ${inputs.volume_m3} m³`
  const count = inputs.count ? ` × ${inputs.count}` : ''
  const wishes = [
    inputs.land_use === 'ignore' && t('landUseIgnored'),
    inputs.count && inputs.service_radius_m && `${inputs.service_radius_m} m`,
    inputs.count && inputs.objective === 'min_distance' && t('minDistance'),
    inputs.count && inputs.by === 'length' && t('byLength'),
    inputs.count && inputs.demand_by === 'gas' && t('demandByGas'),
    inputs.capacity && `≤ ${inputs.capacity}`,
    inputs.count && inputs.existing === 'movable' && t('existingMovable'),
    inputs.count && inputs.existing === 'ignore' && t('existingIgnored'),
  ].filter(Boolean)
  return [`${{ I: 'Ⅰ', II: 'Ⅱ', III: 'Ⅲ' }[inputs.station_class ?? 'II']}${volume}${count}`, ...wishes].join(' · ')
}

function show(job: string, answer: PlanAnswer): void {
  const scenario = { job, name: nameOf(answer.run.inputs), answer }
  scenarios.value = [scenario, ...scenarios.value.filter((other) => other.job !== job)].slice(0, SCENARIOS_MAX)
  shown.value = scenario
  chosenSite.value = null
  choiceSites.value = []
  area.value = answer.run.inputs.area
}

export async function loadSaved(): Promise<void> {
  try {
    saved.value = await recentRuns(PROCESS)
  } catch (error) {
    say(error)
  }
}

/** A run of before, as it was; its question is the one in the form then. */
export async function openSaved(job: string): Promise<void> {
  run.error = ''
  try {
    const answer = await jobResults<PlanAnswer>(job)
    const { inputs } = answer.run
    question.stationClass = inputs.station_class ?? 'II'
    question.volumeM3 = inputs.volume_m3 ?? ''
    question.count = inputs.count ?? 0
    question.radiusM = inputs.service_radius_m ?? question.radiusM
    question.objective = inputs.objective ?? 'max_coverage'
    question.landUse = inputs.land_use !== 'ignore'
    question.existing = inputs.existing ?? 'fixed'
    question.by = inputs.by ?? 'straight'
    question.capacity = inputs.capacity ?? ''
    question.demandBy = inputs.demand_by ?? 'users'
    question.places = inputs.candidates_from ?? 'buildings'
    question.frontier = inputs.frontier ?? false
    corners.value = []
    areaName.value = ''
    show(job, answer)
  } catch (error) {
    say(error)
  }
}

let asked: AbortController | null = null

/** What keeps this place from a station of the question. */
export async function askWhy(at: LonLat): Promise<void> {
  asked?.abort()
  const mine = new AbortController()
  asked = mine
  try {
    const answer = await runProcess<WhyNot>(
      'lpg.why-not',
      {
        point: { type: 'Point', coordinates: at },
        station_class: question.stationClass,
        ...(question.volumeM3 === '' ? {} : { volume_m3: question.volumeM3 }),
      },
      mine.signal,
    )
    if (asked === mine) why.value = { at, answer }
  } catch (error) {
    if (!isAbort(error)) say(error)
  }
}

export function clearPlan(): void {
  runner.forget()
  asked?.abort()
  Object.assign(pointer, { drawing: false, hovering: false })
  why.value = null
}
