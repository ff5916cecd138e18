// Records that others change, shown without being asked for: tiles, figures, table and record follow.
import { onChange, onResync, startStream, type Change } from '@cim/stream'
import { map } from '../map/controller'
import { reloadSource } from '../map/compose'
import { layerOf, layers, refreshFigures, type LayerState } from './layers'
import { tableOpen } from './panels'
import { hitIndex, hits, loadRecord } from './selection'
import { loadPage, table } from './table'

/** The first change shows at once; those of a long import follow at this pace. */
const PACE_MS = 1000

/** Records that changed since the last refresh; null: any of the layer. */
type Fids = Set<number> | null
const waiting = new Map<string, { timer: number; fids: Fids; some: boolean }>()

function isOpen(layer: string, fids: Fids): boolean {
  const hit = hits.value[hitIndex.value]
  return hit?.layer === layer && (fids === null || fids.has(hit.fid))
}

function refresh(layer: LayerState, fids: Fids): void {
  if (layer.visible) {
    if (map.value) reloadSource(map.value, layer.id)
    void refreshFigures(layer)
  }
  if (tableOpen.value && table.layer === layer.id) void loadPage()
  if (isOpen(layer.id, fids)) void loadRecord(true)
}

function take(layer: LayerState, fids: Fids): void {
  const entry = waiting.get(layer.id)
  if (entry) {
    entry.some = true
    entry.fids = entry.fids && fids ? new Set([...entry.fids, ...fids]) : null
    return
  }
  refresh(layer, fids)
  const fresh = { timer: 0, fids: new Set<number>() as Fids, some: false }
  fresh.timer = window.setTimeout(() => {
    waiting.delete(layer.id)
    if (fresh.some) take(layer, fresh.fids)
  }, PACE_MS)
  waiting.set(layer.id, fresh)
}

export function followChanges(): () => void {
  startStream()
  const stopChange = onChange((change: Change) => {
    const layer = layerOf(change.layer)
    if (layer) take(layer, change.fid === undefined ? null : new Set([change.fid]))
  })
  const stopResync = onResync(() => layers.forEach((layer) => take(layer, null)))
  return () => {
    stopChange()
    stopResync()
    waiting.forEach((entry) => window.clearTimeout(entry.timer))
    waiting.clear()
  }
}
