// One stream for all tabs: a browser opens six connections to a host, and a stream keeps one.
import { openSource, type StreamMessage } from './stream-source'

const ports = new Set<MessagePort>()
let source: EventSource | null = null
let account = ''
let live = false

function tell(message: StreamMessage): void {
  if (message.kind === 'live') live = message.live
  ports.forEach((port) => port.postMessage(message))
}

/** Another person's stream is not this one's, and one that the host refused stays closed. */
function open(wanted: string): void {
  if (source && source.readyState !== EventSource.CLOSED && wanted === account) return
  source?.close()
  account = wanted
  source = openSource(tell)
}

function onMessage(port: MessagePort, data: { account?: string; leave?: true }): void {
  if (data.leave) {
    ports.delete(port)
    if (!ports.size) {
      source?.close()
      source = null
    }
  } else if (data.account) {
    ports.add(port)
    open(data.account)
    port.postMessage({ kind: 'live', live } satisfies StreamMessage)
  }
}

const scope = self as unknown as { onconnect: ((event: MessageEvent) => void) | null }
scope.onconnect = (event) => {
  const port = event.ports[0]
  port.onmessage = (message: MessageEvent) => onMessage(port, message.data)
}
