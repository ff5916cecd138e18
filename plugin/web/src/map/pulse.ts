// What a style marks with "cim:pulse" comes and goes, so that an alarm is seen among many marks.
import type { CircleLayerSpecification, Map as MapLibreMap } from 'maplibre-gl'
import { still } from './motion'

const HALF_MS = 700

const properties = ['circle-opacity', 'circle-stroke-opacity'] as const

/** Runs until the page goes; a hidden page draws nothing. */
export function attachPulse(map: MapLibreMap): void {
  const full = new Map<string, unknown[]>()
  let low = false
  window.setInterval(() => {
    low = !low && !still.matches
    for (const layer of map.getStyle().layers) {
      const pulses = (layer.metadata as Record<string, unknown> | undefined)?.['cim:pulse'] === true
      if (!pulses || layer.type !== 'circle' || layer.layout?.visibility === 'none') continue
      const paint = (layer as CircleLayerSpecification).paint ?? {}
      const values = full.get(layer.id) ?? properties.map((name) => paint[name] ?? 1)
      full.set(layer.id, values)
      properties.forEach((name, i) => {
        const value = low ? Number(values[i]) * 0.15 : values[i]
        if (paint[name] === value) return
        map.setPaintProperty(layer.id, `${name}-transition`, { duration: 0 })
        map.setPaintProperty(layer.id, name, value)
      })
    }
  }, HALF_MS)
}
