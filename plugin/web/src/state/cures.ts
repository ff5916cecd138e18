// What would cure a station that stands too near, in words.
import { t } from '../i18n'
import type { Cure } from './siting'

const WINDS: [string, string][] = [
  ['北', 'north'],
  ['东北', 'north-east'],
  ['东', 'east'],
  ['东南', 'south-east'],
  ['南', 'south'],
  ['西南', 'south-west'],
  ['西', 'west'],
  ['西北', 'north-west'],
]

export function cureText(cure: Cure): string {
  if (cure.cure === 'smaller_volume') return t('cureVolume', { v: cure.volume_m3 })
  const [zh, en] = WINDS[Math.round(cure.azimuth_deg / 45) % 8]
  return t('cureMove', { m: cure.metres.toFixed(1), zh, en })
}
