// Imports as jobs: what the wizard asks of /admin/api/imports.
import { query, request } from '@cim/api'
import type { Title } from '@cim/i18n'
import type { ImportJob, ImportRequest, LayerField, Preview } from './types'

const BASE = '/admin/api/imports'
const POLL_MS = 500

export interface Answers {
  layer: string
  crs: string
  encoding: string
  source_layer: string
}

export const preview = (file: string, answers: Answers): Promise<Preview> =>
  request<Preview>(`${BASE}/files/${file}/preview${query({ ...answers })}`)

export const getJob = (job: string): Promise<ImportJob> => request<ImportJob>(`${BASE}/jobs/${job}`)

export const listJobs = async (): Promise<ImportJob[]> =>
  (await request<{ jobs: ImportJob[] }>(`${BASE}/jobs`)).jobs

export const cancelJob = (job: string): Promise<void> =>
  request<void>(`${BASE}/jobs/${job}/cancel`, { method: 'POST' })

/** Undoes what an import wrote; how many records that were. */
export const undoBatch = async (batch: string): Promise<number> =>
  (await request<{ written: number }>(`/admin/api/batches/${batch}/undo`, { method: 'POST' })).written

export const fileUrl = (job: string, name: string): string => `${BASE}/jobs/${job}/files/${name}`

export const isOver = (job: ImportJob): boolean => !['accepted', 'running'].includes(job.state)

/** Begins an import and tells how it goes until it is over. */
export async function runJob(
  file: string,
  wanted: ImportRequest,
  tell: (job: ImportJob) => void,
): Promise<ImportJob> {
  const { job: id } = await request<{ job: string }>(`${BASE}/jobs${query({ file })}`, {
    method: 'POST',
    json: wanted,
  })
  for (;;) {
    const job = await getJob(id)
    tell(job)
    if (isOver(job)) return job
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

interface Property {
  readOnly?: boolean
  'x-cim-title'?: Title
  'x-cim-codes'?: { value: string; zh: string; en: string }[]
  'x-ogc-role'?: string
}

/** What a file can be put into: the fields of a layer, and the record columns that files may bring. */
export async function layerFields(layer: string): Promise<{ fields: LayerField[]; geometry: string }> {
  const schema = await request<{ required?: string[]; properties: Record<string, Property & { format?: string }> }>(
    `/collections/${layer}/schema`,
  )
  const brought = ['uid', 'owner_org', 'area_code']
  const entries = Object.entries(schema.properties)
  const geometry = entries.find(([, p]) => p['x-ogc-role'] === 'primary-geometry')?.[1].format ?? ''
  const fields = entries
    .filter(([name, p]) => name !== 'geometry' && (!p.readOnly || brought.includes(name)))
    .map(([name, p]) => ({
      name,
      title: p['x-cim-title'] ?? { zh: name, en: name },
      required: schema.required?.includes(name) ?? false,
      codes: p['x-cim-codes'] ?? [],
    }))
  return { fields, geometry }
}

// ---- mappings that are kept for the next file of the same kind, per layer ----

export interface Mapping {
  name: string
  owner: string
  own: boolean
  shared: boolean
  request: Partial<Pick<ImportRequest, 'crs' | 'map' | 'set' | 'values'>>
}

export const savedMappings = async (layer: string): Promise<Mapping[]> =>
  (await request<{ mappings: Mapping[] }>(`${BASE}/mappings${query({ layer })}`)).mappings

export const saveMapping = (layer: string, name: string, shared: boolean, kept: Mapping['request']): Promise<void> =>
  request<void>(`${BASE}/mappings`, { method: 'PUT', json: { layer, name, shared, request: kept } })

export const removeMapping = (layer: string, name: string): Promise<void> =>
  request<void>(`${BASE}/mappings${query({ layer, name })}`, { method: 'DELETE' })
