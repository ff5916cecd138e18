// The area tree the caller may see.
import { me } from '@cim/session'
import { computed, ref } from 'vue'
import { fetchAreas, fetchItems } from '../api/platform'
import type { Area } from '../api/types'
import { boundsOf, islandBounds, type Bounds } from '../map/bounds'
import { view } from './view'

export interface AreaNode {
  code: string
  name: string
  ended?: string
  children?: AreaNode[]
}

export const areas = ref<Area[]>([])

const byCode = computed(() => new Map(areas.value.map((area) => [area.code, area])))

export const areaTree = computed<AreaNode[]>(() => {
  const nodes = new Map<string, AreaNode>(
    areas.value.map((area) => [area.code, { code: area.code, name: area.name, ended: area.ended }]),
  )
  const roots: AreaNode[] = []
  for (const area of areas.value) {
    const node = nodes.get(area.code)!
    const parent = area.parent ? nodes.get(area.parent) : undefined
    if (parent) (parent.children ??= []).push(node)
    else roots.push(node)
  }
  return roots
})

/** The base map is everybody's, so the host names every area; an account picks among its own. */
function ownAreas(all: Area[]): Area[] {
  const own = me.value?.areas ?? []
  if (own.includes('*')) return all
  const found = new Map(all.map((area) => [area.code, area]))
  const lineage = (code: string): string[] => {
    const codes: string[] = []
    for (let area = found.get(code); area; area = found.get(area.parent ?? '')) codes.push(area.code)
    return codes
  }
  const above = new Set(own.flatMap(lineage))
  return all.filter((area) => above.has(area.code) || lineage(area.code).some((c) => own.includes(c)))
}

export async function loadAreas(): Promise<void> {
  areas.value = ownAreas(await fetchAreas())
  if (view.area && !byCode.value.has(view.area)) view.area = null
}

export function areaOf(code: string | null | undefined): Area | undefined {
  return code ? byCode.value.get(code) : undefined
}

/** 海南省 / 海口市 / 龙华区, for a record's own area. */
export function areaPath(code: string): string {
  const names: string[] = []
  for (let area = areaOf(code); area; area = areaOf(area.parent)) names.unshift(area.name)
  return names.length ? names.join(' / ') : code
}

/** The area itself and everything below it. */
export function areaCodes(code: string): string[] {
  const codes = [code]
  for (let i = 0; i < codes.length; i++) {
    for (const area of areas.value) if (area.parent === codes[i]) codes.push(area.code)
  }
  return codes
}

const known = new Map<string, Promise<Bounds>>()

async function findBounds(code: string): Promise<Bounds> {
  for (let area = areaOf(code); area && area.level !== 'province'; area = areaOf(area.parent)) {
    if (area.bbox) return area.bbox
    // Towns have no polygon: the view goes to the county that they lie in.
    const page = await fetchItems('lpg.districts', { area: area.code, limit: 100 })
    const bounds = boundsOf(page.features.map((feature) => feature.geometry))
    if (bounds) return bounds
  }
  return islandBounds
}

export function areaBounds(code: string | null): Promise<Bounds> {
  if (!code) return Promise.resolve(islandBounds)
  let found = known.get(code)
  if (!found) {
    found = findBounds(code).catch(() => {
      known.delete(code)
      return islandBounds
    })
    known.set(code, found)
  }
  return found
}
