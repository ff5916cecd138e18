// A place, places, a line or an area drawn by clicks for whoever asked: double-click or Enter ends, Backspace takes one back.
import type { Map as MapLibreMap, MapMouseEvent } from 'maplibre-gl'
import { reactive, shallowRef } from 'vue'
import type { ShapeKind } from '../api/processes'
import type { LonLat } from './geodesy'

export const sketch = reactive({ drawing: false, kind: 'Point' as ShapeKind, owner: '' })
export const corners = shallowRef<LonLat[]>([])
export const moving = shallowRef<LonLat | null>(null)

const LEAST: Record<ShapeKind, number> = { Point: 1, LineString: 2, Polygon: 3 }

let host: MapLibreMap | null = null
let one = false
let take: (kind: ShapeKind, corners: LonLat[]) => void = () => {}

/** `single`: of places the first one ends it. */
export function startSketch(owner: string, kind: ShapeKind, single: boolean, taker: typeof take): void {
  Object.assign(sketch, { drawing: true, kind, owner })
  one = single && kind === 'Point'
  take = taker
  corners.value = []
  if (host) host.getCanvas().style.cursor = 'crosshair'
}

/** What is whole is taken, what is begun is dropped. */
export function endSketch(): void {
  if (!sketch.drawing) return
  sketch.drawing = false
  moving.value = null
  if (corners.value.length >= LEAST[sketch.kind]) take(sketch.kind, corners.value)
  corners.value = []
  if (host) host.getCanvas().style.cursor = ''
}

const at = (event: MapMouseEvent): LonLat => [event.lngLat.lng, event.lngLat.lat]

function onClick(event: MapMouseEvent): void {
  if (!sketch.drawing) return
  corners.value = [...corners.value, at(event)]
  if (one) endSketch()
}

function onDouble(event: MapMouseEvent): void {
  if (!sketch.drawing) return
  event.preventDefault()
  // The second click of the pair has added the last corner once more.
  corners.value = corners.value.slice(0, -1)
  endSketch()
}

/** True when the key was meant for the drawing. */
export function sketchKey(key: string): boolean {
  if (!sketch.drawing) return false
  if (key === 'Enter') endSketch()
  else if (key === 'Backspace') corners.value = corners.value.slice(0, -1)
  else return false
  return true
}

export function attachSketch(m: MapLibreMap): void {
  host = m
  m.on('click', onClick)
  m.on('dblclick', onDouble)
  m.on('mousemove', (event) => {
    if (sketch.drawing) moving.value = at(event)
  })
}
