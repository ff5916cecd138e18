// Lengths and areas on the CGCS2000 ellipsoid.
const A_M = 6378137
const F = 1 / 298.257222101
const B_M = A_M * (1 - F)
const E2 = F * (2 - F)
const RAD = Math.PI / 180

export type LonLat = [lon: number, lat: number]

/** Geodesic length in metres by Vincenty's inverse; the pages never measure near antipodes. */
export function distanceM(p: LonLat, q: LonLat): number {
  const L = (q[0] - p[0]) * RAD
  const u1 = Math.atan((1 - F) * Math.tan(p[1] * RAD))
  const u2 = Math.atan((1 - F) * Math.tan(q[1] * RAD))
  const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)]
  let lambda = L
  for (let i = 0; i < 100; i++) {
    const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)]
    const sinSigma = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl)
    if (sinSigma === 0) return 0
    const cosSigma = s1 * s2 + c1 * c2 * cl
    const sigma = Math.atan2(sinSigma, cosSigma)
    const sinAlpha = (c1 * c2 * sl) / sinSigma
    const cos2Alpha = 1 - sinAlpha ** 2
    const cos2m = cos2Alpha === 0 ? 0 : cosSigma - (2 * s1 * s2) / cos2Alpha
    const C = (F / 16) * cos2Alpha * (4 + F * (4 - 3 * cos2Alpha))
    const next =
      L +
      (1 - C) *
        F *
        sinAlpha *
        (sigma + C * sinSigma * (cos2m + C * cosSigma * (2 * cos2m ** 2 - 1)))
    if (Math.abs(next - lambda) < 1e-12) {
      const uu = (cos2Alpha * (A_M ** 2 - B_M ** 2)) / B_M ** 2
      const k1 = 1 + (uu / 16384) * (4096 + uu * (-768 + uu * (320 - 175 * uu)))
      const k2 = (uu / 1024) * (256 + uu * (-128 + uu * (74 - 47 * uu)))
      const d =
        k2 *
        sinSigma *
        (cos2m +
          (k2 / 4) *
            (cosSigma * (2 * cos2m ** 2 - 1) -
              (k2 / 6) * cos2m * (4 * sinSigma ** 2 - 3) * (4 * cos2m ** 2 - 3)))
      return B_M * k1 * (sigma - d)
    }
    lambda = next
  }
  return NaN
}

export function lengthM(line: LonLat[]): number {
  let sum = 0
  for (let i = 1; i < line.length; i++) sum += distanceM(line[i - 1], line[i])
  return sum
}

const E = Math.sqrt(E2)
const q0 = (sinLat: number): number =>
  (1 - E2) *
  (sinLat / (1 - E2 * sinLat ** 2) -
    (1 / (2 * E)) * Math.log((1 - E * sinLat) / (1 + E * sinLat)))
const QP = q0(1)

/** Area in square metres: the ring on the sphere of equal area (authalic latitudes). */
export function areaM2(ring: LonLat[]): number {
  if (ring.length < 3) return 0
  const radius2 = (A_M ** 2 * QP) / 2
  let sum = 0
  for (let i = 0; i < ring.length; i++) {
    const [p, q] = [ring[i], ring[(i + 1) % ring.length]]
    const b1 = Math.asin(q0(Math.sin(p[1] * RAD)) / QP)
    const b2 = Math.asin(q0(Math.sin(q[1] * RAD)) / QP)
    const dl = (q[0] - p[0]) * RAD
    sum += 2 * Math.atan2(Math.tan(dl / 2) * Math.sin((b1 + b2) / 2), Math.cos((b1 - b2) / 2))
  }
  return Math.abs(sum) * radius2
}

export function formatLength(m: number): string {
  return m < 1000 ? `${m.toFixed(1)} m` : `${(m / 1000).toFixed(m < 100000 ? 3 : 1)} km`
}

export function formatArea(m2: number): string {
  return m2 < 1e6 ? `${m2.toFixed(0)} m²` : `${(m2 / 1e6).toFixed(3)} km²`
}
