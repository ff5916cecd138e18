// What the address holds: one-map, area, view and the open record. Reloading brings it back.
import { reactive, watch } from 'vue'
import { themes, type ThemeId } from '../map/themes'

export interface CameraView {
  zoom: number
  lat: number
  lon: number
}

export interface RecordRef {
  layer: string
  fid: number
}

interface ViewState {
  theme: ThemeId
  area: string | null
  camera: CameraView | null
  record: RecordRef | null
}

function parseCamera(text: string | null): CameraView | null {
  const parts = (text ?? '').split('/').map(Number)
  if (parts.length !== 3 || parts.some((v) => !Number.isFinite(v))) return null
  const [zoom, lat, lon] = parts
  if (zoom < 0 || zoom > 22 || Math.abs(lat) > 85 || Math.abs(lon) > 180) return null
  return { zoom, lat, lon }
}

function parseRecord(text: string | null): RecordRef | null {
  const match = /^([\w.-]+)\/(\d+)$/.exec(text ?? '')
  return match ? { layer: match[1], fid: Number(match[2]) } : null
}

function fromHash(): ViewState {
  const params = new URLSearchParams(location.hash.slice(1))
  const theme = themes.find((entry) => entry.id === params.get('map'))
  const area = params.get('area')
  return {
    theme: theme?.id ?? 'enterprises',
    area: area && /^\d{6,12}$/.test(area) ? area : null,
    camera: parseCamera(params.get('v')),
    record: parseRecord(params.get('rec')),
  }
}

export const view = reactive<ViewState>(fromHash())

function toHash(): string {
  const parts = [`map=${view.theme}`]
  if (view.area) parts.push(`area=${view.area}`)
  if (view.camera) {
    const { zoom, lat, lon } = view.camera
    parts.push(`v=${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`)
  }
  if (view.record) parts.push(`rec=${view.record.layer}/${view.record.fid}`)
  return `#${parts.join('&')}`
}

watch(view, () => history.replaceState(null, '', toHash()), { deep: true })
