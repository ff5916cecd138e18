// The record that the drawer shows, and its neighbours under the same click.
import { isAbort, problemText, toProblem } from '@cim/api'
import { computed, ref, shallowRef, watch } from 'vue'
import { me } from '@cim/session'
import { fetchItem, fetchSchema, revealField } from '../api/platform'
import type { Feature, LayerSchema } from '../api/types'
import { boundsOf } from '../map/bounds'
import { map, select, type Hit } from '../map/controller'
import { view } from './view'

export const hits = ref<Hit[]>(view.record ? [view.record] : [])
export const hitIndex = ref(0)
export const record = shallowRef<Feature | null>(null)
export const recordSchema = shallowRef<LayerSchema | null>(null)
/** Values of the record that were read in clear; masked again once it is loaded again. */
export const revealed = ref<Record<string, unknown>>({})
export const mayReveal = computed(() => {
  const plugin = hits.value[hitIndex.value]?.layer.split('.')[0]
  return me.value?.functions.includes(`${plugin}.reveal`) ?? false
})
export const recordError = ref('')
export const recordLoading = ref(false)
export const drawerOpen = computed(() => hits.value.length > 0)

let controller: AbortController | null = null

export function openHits(found: Hit[]): void {
  hits.value = found
  hitIndex.value = 0
}

export function closeRecord(): void {
  openHits([])
}

export function stepHit(step: number): void {
  hitIndex.value = (hitIndex.value + step + hits.value.length) % hits.value.length
}

/** `again`: the record that is shown, which stays until its new state is there. */
export async function loadRecord(again = false): Promise<void> {
  controller?.abort()
  const hit = hits.value[hitIndex.value]
  view.record = hit ? { layer: hit.layer, fid: hit.fid } : null
  recordError.value = ''
  revealed.value = {}
  if (!again || !hit) {
    record.value = null
    select(null)
  }
  if (!hit) return
  controller = new AbortController()
  const signal = controller.signal
  recordLoading.value = true
  try {
    const [schema, feature] = await Promise.all([
      fetchSchema(hit.layer),
      fetchItem(hit.layer, hit.fid, signal),
    ])
    if (signal.aborted) return
    recordSchema.value = schema
    record.value = feature
    select(feature.geometry)
  } catch (error) {
    if (isAbort(error)) return
    record.value = null
    select(null)
    recordError.value = problemText(toProblem(error))
  }
  recordLoading.value = false
}

/** Fails with what the platform says; an answer for a record that was left meanwhile is dropped. */
export async function reveal(field: string, reason: string): Promise<void> {
  const hit = hits.value[hitIndex.value]
  if (!hit) return
  const feature = await revealField(hit.layer, hit.fid, field, reason)
  if (hits.value[hitIndex.value] !== hit) return
  revealed.value = { ...revealed.value, [field]: feature.properties[field] }
}

export function watchSelection(): void {
  watch([hits, hitIndex], () => void loadRecord(), { immediate: true })
}

export function zoomToGeometry(geometry: GeoJSON.Geometry | null): void {
  const m = map.value
  const bounds = boundsOf([geometry])
  if (!m || !geometry || !bounds) return
  if (geometry.type === 'Point') {
    m.flyTo({ center: [bounds[0], bounds[1]], zoom: Math.max(m.getZoom(), 15), duration: 800 })
  } else m.fitBounds(bounds, { padding: 48, maxZoom: 15 })
}
