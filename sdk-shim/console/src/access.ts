// Organisations, people, roles and grants as the host tells of them, and lists that are searched and paged.
import { problemText, query, request, toProblem } from '@cim/api'
import { ElMessage } from 'element-plus'
import { onActivated, ref, type Ref } from 'vue'

export interface Org {
  code: string
  name: string
  kind: string
  parent: string | null
  area: string
  ended: boolean
  users: number
}

export const OUTCOMES = ['new', 'changed', 'same', 'refused'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** A row from outside held against what is here, of people or of organisations. */
export interface Compared {
  row: number
  outcome: Outcome
  username?: string
  display_name?: string
  org?: string | null
  code?: string
  name?: string
  parent?: string | null
  password?: string
  changes?: { field: string; from: string | null; to: string | null }[]
  zh?: string
  en?: string
  param?: string
}

export interface Comparison extends Record<Outcome, number> {
  applied: boolean
  rows: Compared[]
  omitted: number
  absent: { username?: string; display_name?: string; org?: string; code?: string; name?: string }[]
}

/** What undoing a synchronisation does, or did. */
export interface Undone {
  run: string
  applied: boolean
  rows: {
    outcome: 'undone' | 'same' | 'refused'
    does: 'remove' | 'restore' | 'reopen'
    kind: 'person' | 'org'
    name: string
    title: string
    changes?: Compared['changes']
    zh?: string
    en?: string
  }[]
  omitted: number
  undone: number
  same: number
  refused: number
}

export interface HeldRole {
  role: string
  areas: string[]
  until: string | null
}

export interface User {
  username: string
  display_name: string
  org: string | null
  org_name: string | null
  area: string
  ended: boolean
  factor: boolean
  kind: 'person' | 'service'
  roles: HeldRole[]
}

export interface Role {
  id: string
  zh: string
  en: string
  own: boolean
  source?: string
  area?: string
  ended?: boolean
  content?: Record<string, unknown>
  grants?: number
  functions?: number
}

export type HolderKind = 'user' | 'org' | 'role'
export type GrantKind = 'role' | 'resource' | 'function'

export interface Grant {
  uid: string
  holder_kind: HolderKind
  holder: string
  holder_name: string
  kind: GrantKind
  name: string
  content: Record<string, unknown> | null
  areas: string[] | null
  from: string | null
  until: string | null
  granted_by: string
  why: string | null
  ended_at: string | null
}

export interface Area {
  code: string
  name: string
  level: string
  parent: string | null
  ended?: string // its last day
}

export interface AreaNode {
  value: string
  label: string
  disabled?: boolean
  children: AreaNode[]
}

export const PAGE_SIZE = 20
export const ORG_KINDS = [
  'gas', 'market', 'transport', 'emergency', 'police', 'community', 'enterprise', 'station', 'other',
] as const

/** Rows of /admin/api/<name>, or of another path; `load` again after every change. */
export function useListing<T>(
  name: string,
  extra: () => Record<string, string | number | null> = () => ({}),
  path = `/admin/api/${name}`,
) {
  const rows: Ref<T[]> = ref([])
  const matched = ref(0)
  const page = ref(1)
  const search = ref('')
  const loading = ref(false)
  const failure = ref('')
  let asked = 0

  async function load(): Promise<void> {
    const mine = ++asked
    loading.value = true
    failure.value = ''
    try {
      const offset = (page.value - 1) * PAGE_SIZE
      const answer = await request<Record<string, unknown>>(
        `${path}${query({ q: search.value, limit: PAGE_SIZE, offset, ...extra() })}`,
      )
      if (mine !== asked) return // a later question has been asked meanwhile
      rows.value = answer[name] as T[]
      matched.value = answer.matched as number
    } catch (error) {
      if (mine === asked) failure.value = problemText(toProblem(error))
    }
    loading.value = false
  }

  function searchAgain(): void {
    page.value = 1
    void load()
  }

  return { rows, matched, page, search, loading, failure, load, searchAgain }
}

/** What a page that lists, makes and ends things of /admin/api/<name> is made of: the list, whether its form is open, and ending. */
export function useRegister<T>(name: string, once: () => Promise<void> = async () => {}) {
  const listing = useListing<T>(name)
  const open = ref(false)

  onActivated(async () => {
    await loadAreas()
    await listing.load()
    if (!listing.failure.value) await once()
  })

  async function end(id: string): Promise<void> {
    const refusal = await change('POST', `${name}/${encodeURIComponent(id)}/end`, {})
    if (refusal) ElMessage.error(refusal)
    await listing.load()
  }

  return { ...listing, open, end }
}

/** Sends a change; the sentence for the person when it is refused, '' when it is done. */
export async function change(method: 'POST' | 'PATCH', path: string, json: unknown): Promise<string> {
  try {
    await request(`/admin/api/${path}`, { method, json })
    return ''
  } catch (error) {
    return problemText(toProblem(error))
  }
}

/** The day in Beijing whose last moment it is. */
export const lastDay = (time: string | null): string =>
  time ? new Date(Date.parse(time) + 8 * 3_600_000 - 1).toISOString().slice(0, 10) : ''

export const areaTree: Ref<AreaNode[]> = ref([])
const names = new Map<string, string>()

/** "460100" as "海口市"; codes that are not the administrator's stay codes. */
export const areaName = (code: string): string => (code === '*' ? '*' : (names.get(code) ?? code))

let areasAt = '/admin/api/areas'

/** Where the tree comes from: by default what the administrator administers. */
export function areasFrom(path: string): void {
  areasAt = path
}

export async function loadAreas(): Promise<void> {
  const { areas, all } = await request<{ areas: Area[]; all: boolean }>(areasAt)
  const nodes = new Map<string, AreaNode>()
  const roots: AreaNode[] = all ? [{ value: '*', label: '全部 / all (*)', children: [] }] : []
  for (const area of areas) {
    names.set(area.code, area.name)
    // Nothing is granted in an area that has ended, but it is named where it stands.
    const until = area.ended ? ` （止于 / until ${area.ended}）` : ''
    const node = { value: area.code, label: `${area.name} ${area.code}${until}`, disabled: area.ended !== undefined, children: [] }
    nodes.set(area.code, node)
    const parent = area.parent ? nodes.get(area.parent) : undefined
    ;(parent ? parent.children : roots).push(node)
  }
  areaTree.value = roots
}
