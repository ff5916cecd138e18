// What changes on the host, while a page is open: one stream for all tabs where the browser can.
import { ref, watch } from 'vue'
import { me, sessionState } from './session'
import { openSource, type Change, type StreamMessage } from './stream-source'

export type { Change } from './stream-source'

/** Whether changes arrive by themselves at the moment. */
export const live = ref(false)

const changeHandlers = new Set<(change: Change) => void>()
const resyncHandlers = new Set<() => void>()

export function onChange(handler: (change: Change) => void): () => void {
  changeHandlers.add(handler)
  return () => changeHandlers.delete(handler)
}

export function onResync(handler: () => void): () => void {
  resyncHandlers.add(handler)
  return () => resyncHandlers.delete(handler)
}

function take(message: StreamMessage): void {
  if (message.kind === 'change') changeHandlers.forEach((handler) => handler(message.change))
  else if (message.kind === 'resync') resyncHandlers.forEach((handler) => handler())
  else live.value = message.kind === 'live' && message.live
}

/** Asks for the stream of an account; again after each sign-in. */
function connect(): (account: string) => void {
  if (typeof SharedWorker === 'undefined') {
    let source: EventSource | null = null
    return () => {
      source?.close()
      source = openSource(take)
    }
  }
  const worker = new SharedWorker(new URL('./stream-worker.ts', import.meta.url), {
    type: 'module',
    name: 'cim-stream',
  })
  worker.port.onmessage = (event: MessageEvent<StreamMessage>) => take(event.data)
  window.addEventListener('pagehide', () => worker.port.postMessage({ leave: true }))
  window.addEventListener('pageshow', (event) => {
    if (event.persisted && me.value) worker.port.postMessage({ account: me.value.username })
  })
  return (account) => worker.port.postMessage({ account })
}

/** Follows the session for as long as the page lives. */
export function startStream(): void {
  const open = connect()
  watch(
    sessionState,
    (state) => {
      if (state === 'signed-in' && me.value) open(me.value.username)
    },
    { immediate: true },
  )
}
