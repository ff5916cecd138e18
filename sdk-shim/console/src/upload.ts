// Uploads with progress, which fetch cannot report.
import { ProblemError, networkProblem, query, type Problem } from '@cim/api'
import { me, sessionLost } from '@cim/session'
import type { ImportFile } from './types'

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
  file: File,
  layer: string,
  progress: (sent: number, all: number) => void,
): Promise<ImportFile> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', `/admin/api/imports/files${query({ name: file.name, layer })}`)
    xhr.setRequestHeader('Content-Type', 'application/octet-stream')
    xhr.setRequestHeader('Accept', 'application/json')
    if (me.value) xhr.setRequestHeader('X-CSRF-Token', me.value.csrf)
    xhr.upload.onprogress = (event) => progress(event.loaded, event.total)
    xhr.onerror = () => reject(new ProblemError(networkProblem()))
    xhr.onload = () => {
      if (xhr.status === 401) sessionLost()
      if (xhr.status >= 200 && xhr.status < 300) {
        resolve(JSON.parse(xhr.responseText) as ImportFile)
      } else reject(new ProblemError(problemFrom(xhr)))
    }
    xhr.send(file)
  })
}
