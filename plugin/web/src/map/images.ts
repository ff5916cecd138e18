// Draws the shapes that a style's metadata describes and hands them to the map as distance fields,
// so that colour and ring stay data-driven without a sprite file.
import type { Map } from 'maplibre-gl'
import { shallowReactive } from 'vue'
import type { ImageDef } from '../api/types'

const RATIO = 2
const PAD_PX = 4 // room for the ring around the shape, in style pixels
const RADIUS_PX = 8 // the distance that the map's shader spreads over a full byte
const EDGE = 0.75 // the byte fraction that the shader takes for the outline

function coverage(def: ImageDef): { inside: Uint8Array; side: number } {
  const side = (def.size + 2 * PAD_PX) * RATIO
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = side
  const ctx = canvas.getContext('2d', { willReadFrequently: true })!
  ctx.scale(RATIO * (def.size / 24), RATIO * (def.size / 24))
  ctx.translate((PAD_PX * 24) / def.size, (PAD_PX * 24) / def.size)
  ctx.fill(new Path2D(def.path))
  const pixels = ctx.getImageData(0, 0, side, side).data
  const inside = new Uint8Array(side * side)
  for (let i = 0; i < inside.length; i++) inside[i] = pixels[i * 4 + 3]
  return { inside, side }
}

/** Distance in pixels to the nearest pixel on the other side of the outline, capped at the radius. */
function distance(inside: Uint8Array, side: number, x: number, y: number): number {
  const here = inside[y * side + x] >= 128
  const reach = RADIUS_PX * RATIO
  let best = reach * reach
  for (let dy = -reach; dy <= reach; dy++) {
    const yy = y + dy
    if (yy < 0 || yy >= side) continue
    for (let dx = -reach; dx <= reach; dx++) {
      const xx = x + dx
      const d = dx * dx + dy * dy
      if (d >= best || xx < 0 || xx >= side) continue
      if (inside[yy * side + xx] >= 128 !== here) best = d
    }
  }
  const d = Math.max(Math.sqrt(best) - 0.5, 0)
  return here ? -d : d
}

export function distanceField(def: ImageDef): ImageData {
  const { inside, side } = coverage(def)
  const out = new ImageData(side, side)
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const alpha = inside[y * side + x]
      const onEdge = alpha > 0 && alpha < 255
      const d = onEdge ? 0.5 - alpha / 255 : distance(inside, side, x, y)
      const value = EDGE - d / (RADIUS_PX * RATIO)
      out.data[(y * side + x) * 4 + 3] = Math.round(255 * Math.min(1, Math.max(0, value)))
    }
  }
  return out
}

/** A pattern: one box of what repeats over an area, in its own colour. */
function texture(def: ImageDef): ImageData {
  const side = def.size * RATIO
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = side
  const ctx = canvas.getContext('2d', { willReadFrequently: true })!
  ctx.scale(side / 24, side / 24)
  ctx.fillStyle = def.color!
  ctx.fill(new Path2D(def.path))
  return ctx.getImageData(0, 0, side, side)
}

export function addImages(map: Map, images: Record<string, ImageDef> | undefined): void {
  for (const [name, def] of Object.entries(images ?? {})) {
    if (map.hasImage(name)) continue
    map.addImage(name, def.color ? texture(def) : distanceField(def), { sdf: !def.color, pixelRatio: RATIO })
    shapePaths[name] = def.path
    if (def.color) patterns[name] = { path: def.path, color: def.color, size: def.size }
  }
}

/** The same outlines for the legend, which draws them as SVG. */
export const shapePaths = shallowReactive<Record<string, string>>({})
export const patterns = shallowReactive<Record<string, { path: string; color: string; size: number }>>({})
