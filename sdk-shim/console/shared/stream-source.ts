// The host's event stream as messages; the same in a shared worker and in a page.
export interface Change {
  layer: string
  op: 'create' | 'update' | 'delete' | 'bulk'
  /** Absent for `bulk`: many records of the layer. */
  fid?: number
  area_code?: string
}

export type StreamMessage =
  | { kind: 'live'; live: boolean }
  | { kind: 'change'; change: Change }
  /** What was missed cannot be told any more: read again what is shown. */
  | { kind: 'resync' }
  | { kind: 'signed-out' }

/** Opens the stream. The browser comes back by itself after a break, and asks for what it missed. */
export function openSource(tell: (message: StreamMessage) => void): EventSource {
  const source = new EventSource('/stream')
  source.addEventListener('hello', () => tell({ kind: 'live', live: true }))
  source.addEventListener('change', (event) =>
    tell({ kind: 'change', change: JSON.parse((event as MessageEvent<string>).data) as Change }),
  )
  source.addEventListener('resync', () => tell({ kind: 'resync' }))
  source.addEventListener('signed-out', () => {
    source.close()
    tell({ kind: 'signed-out' })
  })
  source.onerror = () => tell({ kind: 'live', live: false })
  return source
}
