// The area tree the caller may see.
import { computed, ref } from 'vue'
import { fetchAreas } from '../api/platform'
import type { Area } from '../api/types'
import { view } from './view'

export interface AreaNode {
  code: string
  name: string
  children?: AreaNode[]
}

export const areas = ref<Area[]>([])

const byCode = computed(() => new Map(areas.value.map((area) => [area.code, area])))

export const areaTree = computed<AreaNode[]>(() => {
  const nodes = new Map<string, AreaNode>(
    areas.value.map((area) => [area.code, { code: area.code, name: area.name }]),
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

export async function loadAreas(): Promise<void> {
  areas.value = await fetchAreas()
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
