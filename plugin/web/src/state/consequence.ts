// What an accident reaches: the place and the scenario, its rings, who is in them, who helps.
import { reactive, shallowRef } from 'vue'
import type { RunOf } from '../api/jobs'
import type { LonLat } from '../map/geodesy'
import { jobRunner } from './job'

export const PROCESS = 'lpg.consequence'
export type ScenarioKind = 'fireball' | 'explosion' | 'jet' | 'plume'
export const scenarioKinds: ScenarioKind[] = ['fireball', 'explosion', 'jet', 'plume']

export interface Place {
  uid: string
  name: string
  distance_m: number
  persons: number | null
}

export interface RingProperties {
  value: number
  unit: string
  meaning_zh: string
  meaning_en: string
  radius_m: number
  /** null: no data reach there. */
  persons: number | null
  persons_unknown: number
  schools: Place[]
  hospitals: Place[]
}

export type Ring = GeoJSON.Feature<GeoJSON.Polygon, RingProperties>

export interface Nearest {
  kind: 'fire_station' | 'hospital'
  uid: string
  name: string
  distance_m: number
  at: GeoJSON.Point
  /** The one that is there first; null: no road leads there, or none may be read. */
  by_road: { uid: string; name: string; time_min: number; length_m: number } | null
}

export interface ConsequenceAnswer extends RunOf<{ scenario: ScenarioKind }> {
  rings: { type: 'FeatureCollection'; features: Ring[] }
  model: Record<string, string | number | boolean | null>
  nearest: Nearest[]
  not_measured: string[]
  surveyed: boolean
}

/** A full store of 28 cylinders of 35.5 L. */
const FULL_STORE_KG = 417.2

export const question = reactive({
  scenario: 'fireball' as ScenarioKind,
  massKg: FULL_STORE_KG,
  holeMm: 10,
  phase: 'liquid' as 'liquid' | 'gas',
  windMs: 1.5,
  stability: 'F' as 'D' | 'F',
})
export const pointer = reactive({ picking: false })
export const place = shallowRef<LonLat | null>(null)
export const answer = shallowRef<{ job: string; answer: ConsequenceAnswer } | null>(null)

const runner = jobRunner<ConsequenceAnswer>(PROCESS)
export const { run, cancel: cancelConsequence } = runner

export async function runConsequence(): Promise<void> {
  const q = question
  const burns = q.scenario === 'fireball' || q.scenario === 'explosion'
  answer.value = await runner.start({
    point: { type: 'Point', coordinates: place.value },
    scenario: q.scenario,
    ...(burns ? { mass_kg: q.massKg } : { hole_mm: q.holeMm, phase: q.phase }),
    ...(q.scenario === 'plume' ? { wind_m_s: q.windMs, stability: q.stability } : {}),
  })
}

export function clearConsequence(): void {
  runner.forget()
  pointer.picking = false
  place.value = null
  answer.value = null
}
