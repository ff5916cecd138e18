// Uploads with progress, which fetch cannot report; the answer is the import's own report.
import { ProblemError, networkProblem, query, type Problem } from '@cim/api'
import { me, sessionLost } from '@cim/session'
import type { ImportReport } from './types'

export interface ImportRequest {
  layer: string
  crs: string
  encoding: string
  file: File
}

const CONTENT_TYPES: Record<string, string> = {
  geojson: 'application/geo+json',
  json: 'application/geo+json',
  gpkg: 'application/geopackage+sqlite3',
  csv: 'text/csv',
  zip: 'application/zip',
}

export function contentType(name: string): string {
  const ending = name.toLowerCase().split('.').pop() ?? ''
  return CONTENT_TYPES[ending] ?? 'application/octet-stream'
}

function problemFrom(xhr: XMLHttpRequest): Problem {
  try {
    return { ...(JSON.parse(xhr.responseText) as Problem), status: xhr.status }
  } catch {
    return {
      status: xhr.status,
      title: `服务器返回 ${xhr.status}`,
      title_en: `The server answered ${xhr.status}`,
    }
  }
}

export function upload(
  wanted: ImportRequest,
  progress: (sent: number, all: number) => void,
): Promise<ImportReport> {
  const { layer, crs, encoding, file } = wanted
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', `/admin/api/imports${query({ layer, crs, encoding })}`)
    xhr.setRequestHeader('Content-Type', contentType(file.name))
    xhr.setRequestHeader('Accept', 'application/json')
    if (me.value) xhr.setRequestHeader('X-CSRF-Token', me.value.csrf)
    xhr.upload.onprogress = (event) => progress(event.loaded, event.total)
    xhr.onerror = () => reject(new ProblemError(networkProblem()))
    xhr.onload = () => {
      if (xhr.status === 401) sessionLost()
      if (xhr.status >= 200 && xhr.status < 300) {
        resolve(JSON.parse(xhr.responseText) as ImportReport)
      } else reject(new ProblemError(problemFrom(xhr)))
    }
    xhr.send(file)
  })
}
