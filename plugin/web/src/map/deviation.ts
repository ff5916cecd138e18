// Where a driven track left the route that it should have kept to.
import { distanceM, type LonLat } from './geodesy'

const STEP_M = 20
const METRES_A_DEGREE = 111_195

/** Metres from a position to a line; flat around the position, which is near enough for a road's width. */
function metresTo(line: LonLat[], [lon, lat]: LonLat): number {
  const across = METRES_A_DEGREE * Math.cos((lat * Math.PI) / 180)
  let least = Infinity
  let [ax, ay] = [(line[0][0] - lon) * across, (line[0][1] - lat) * METRES_A_DEGREE]
  for (const [blon, blat] of line.slice(1)) {
    const [bx, by] = [(blon - lon) * across, (blat - lat) * METRES_A_DEGREE]
    const [dx, dy] = [bx - ax, by - ay]
    const length = dx * dx + dy * dy
    const share = length > 0 ? Math.min(Math.max(-(ax * dx + ay * dy) / length, 0), 1) : 0
    least = Math.min(least, Math.hypot(ax + share * dx, ay + share * dy))
    ;[ax, ay] = [bx, by]
  }
  return least
}

/** The parts of `track` that are farther from `planned` than that, to some 20 m along the track. */
export function deviations(track: LonLat[], planned: LonLat[], toleranceM: number): LonLat[][] {
  const parts: LonLat[][] = []
  let part: LonLat[] = []
  const end = (): void => {
    if (part.length > 1) parts.push(part)
    part = []
  }
  if (track.length < 2 || planned.length < 2) return []
  for (let i = 1; i < track.length; i++) {
    const [p, q] = [track[i - 1], track[i]]
    const steps = Math.max(Math.ceil(distanceM(p, q) / STEP_M), 1)
    const at = (k: number): LonLat => [p[0] + ((q[0] - p[0]) * k) / steps, p[1] + ((q[1] - p[1]) * k) / steps]
    for (let k = 0; k < steps; k++) {
      if (metresTo(planned, at(k + 0.5)) <= toleranceM) end()
      else part.push(...(part.length ? [] : [at(k)]), at(k + 1))
    }
  }
  end()
  return parts
}
