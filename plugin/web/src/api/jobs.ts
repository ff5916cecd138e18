// Analyses that run as jobs: submitted, followed, cancelled, fetched, and those of before.
import { query, request } from '@cim/api'
import { beijingTime } from '@cim/i18n'
import { plainOutputs } from './platform'

export interface JobStatus {
  jobID: string
  processID: string
  status: 'accepted' | 'running' | 'successful' | 'failed' | 'dismissed'
  progress: number
  message?: string
  created?: string
  finished?: string
}

/** What every result says about itself. */
export interface RunOf<I> {
  run: { process: string; version: string; inputs: I; pos: number }
}

const POLL_MS = 400

export async function submitJob(process: string, inputs: object): Promise<string> {
  const job = await request<JobStatus>(`/processes/${encodeURIComponent(process)}/execution`, {
    method: 'POST',
    json: { inputs, response: 'document' },
    prefer: 'respond-async',
  })
  return job.jobID
}

/** Until it is over; `tell` hears of each step. Throws what made it fail. */
export async function followJob(id: string, tell: (job: JobStatus) => void, signal: AbortSignal): Promise<JobStatus> {
  for (;;) {
    const job = await request<JobStatus>(`/jobs/${id}`, { signal })
    tell(job)
    if (job.status !== 'accepted' && job.status !== 'running') return job
    await new Promise((resolve) => window.setTimeout(resolve, POLL_MS))
  }
}

/** The problem of a failed job is thrown, as if it had been asked directly. */
export async function jobResults<T>(id: string): Promise<T> {
  return plainOutputs<T>(await request<Record<string, unknown>>(`/jobs/${id}/results`))
}

export function dismissJob(id: string): Promise<JobStatus> {
  return request<JobStatus>(`/jobs/${id}`, { method: 'DELETE' })
}

/** The newest first; one's own. */
export async function recentRuns(process: string, limit = 12): Promise<JobStatus[]> {
  const params = { processID: process, status: 'successful', limit }
  return (await request<{ jobs: JobStatus[] }>(`/jobs${query(params)}`)).jobs
}

/** When it was over, as every time is shown. */
export const finishedAt = (job: JobStatus): string => (job.finished ? beijingTime(Date.parse(job.finished)).slice(5) : '')

export type FileFormat = 'pdf' | 'docx' | 'geojson' | 'shp' | 'dxf'

export function fileUrl(id: string, format: FileFormat, output?: string): string {
  return `/jobs/${id}/results${query({ f: format, output })}`
}

export interface FeaturesOfFile extends GeoJSON.FeatureCollection {
  file: { format: string; crs: string; encoding: string; count: number; without_geometry: number }
}

/** A file as features; nothing of it is kept. */
export function featuresOf(file: File, crs: string): Promise<FeaturesOfFile> {
  return request<FeaturesOfFile>(`/files/features${query({ name: file.name, crs: crs || null })}`, {
    method: 'POST',
    body: file,
    contentType: 'application/octet-stream',
  })
}
