// Where a station may stand: a place against every separation rule, and all stations.
import { isAbort, problemText, toProblem } from '@cim/api'
import { reactive, shallowRef } from 'vue'
import { fetchSchema, runProcess } from '../api/platform'
import type { CodeValue } from '../api/types'
import type { LonLat } from '../map/geodesy'

export type Verdict = 'complies' | 'to_confirm' | 'violates'

export interface RuleLine {
  receptor: string
  test: 'distance' | 'not_inside'
  required_m: number | null
  distance_m: number | null
  margin_m: number | null
  ok: boolean
  violating: number
  nearest: { layer: string; uid: string; name: string; assumed: string[] } | null
  rule: { rule_no: string; clause: string; edition: string; confidence: string; to_confirm: boolean }
}

export interface WhyNot {
  verdict: Verdict
  verdict_zh: string
  rules: RuleLine[]
  not_measured: string[]
}

export type Cure =
  | { cure: 'smaller_volume'; volume_m3: number }
  | { cure: 'move'; metres: number; azimuth_deg: number; to: GeoJSON.Point }

export interface StationFeature {
  type: 'Feature'
  id: string
  geometry: GeoJSON.Point
  properties: WhyNot & {
    uid: string
    name: string
    short_m: number
    station: { judged_as: string[]; volume_m3: number | null }
    cures: Cure[]
  }
}

export interface Compliance {
  stations: { type: 'FeatureCollection'; features: StationFeature[] }
  totals: { stations: number; violates: number; to_confirm: number; complies: number }
}

export const question = reactive({
  station: 'supply' as 'supply' | 'storage' | 'filling' | 'group_room',
  volumeM3: 3,
})
/** hovering: the answer follows the pointer until a click keeps it. */
export const run = reactive({ busy: false, error: '', hovering: false })
export const place = shallowRef<LonLat | null>(null)
export const whyNot = shallowRef<WhyNot | null>(null)
export const compliance = shallowRef<Compliance | null>(null)
export const chosen = shallowRef<StationFeature | null>(null)
export const receptorNames = shallowRef<CodeValue[]>([])

export const verdictColours: Record<Verdict, string> = {
  complies: '#2f9e44',
  to_confirm: '#f2b705',
  violates: '#c62828',
}

export async function loadReceptorNames(): Promise<void> {
  try {
    const schema = await fetchSchema('lpg.separation-rules')
    receptorNames.value = schema.properties.receptor?.['x-cim-codes'] ?? []
  } catch (error) {
    run.error = problemText(toProblem(error))
  }
}

let controller: AbortController | null = null

/** The newest question alone is waited for. */
async function asking<T>(ask: (signal: AbortSignal) => Promise<T>, take: (answer: T) => void): Promise<void> {
  controller?.abort()
  const mine = new AbortController()
  controller = mine
  run.busy = true
  run.error = ''
  try {
    take(await ask(mine.signal))
  } catch (error) {
    if (isAbort(error)) return
    run.error = problemText(toProblem(error))
  }
  if (controller === mine) run.busy = false
}

export async function askPlace(at: LonLat): Promise<void> {
  place.value = at
  compliance.value = null
  chosen.value = null
  await asking(
    (signal) =>
      runProcess<WhyNot>(
        'lpg.why-not',
        { point: { type: 'Point', coordinates: at }, station: question.station, volume_m3: question.volumeM3 },
        signal,
      ),
    (answer) => (whyNot.value = answer),
  )
  if (run.error) whyNot.value = null
}

export async function askStations(): Promise<void> {
  run.hovering = false
  place.value = null
  whyNot.value = null
  await asking(
    (signal) => runProcess<Compliance>('lpg.station-compliance', {}, signal),
    (answer) => (compliance.value = answer),
  )
}

export function clearSiting(): void {
  controller?.abort()
  run.busy = false
  run.hovering = false
  run.error = ''
  place.value = null
  whyNot.value = null
  compliance.value = null
  chosen.value = null
}
