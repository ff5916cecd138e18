// The map as a picture: title, date, where the data come from, and what the base map may be used for.
import { beijingTime, pick } from '@cim/i18n'
import type { Map as MapLibreMap } from 'maplibre-gl'
import { shallowRef } from 'vue'
import { t } from '../i18n'
import { areaPath } from '../state/areas'
import { asOfMs } from '../state/layers'
import { view } from '../state/view'
import { basemap } from './basemap'
import { scaleBar } from './scale'
import { themes } from './themes'

/** The map of 南海诸岛, while it is shown. */
export const inset = shallowRef<MapLibreMap | null>(null)

const FONT = '"Noto Sans CJK SC", "Microsoft YaHei", sans-serif'
const HEAD_PX = 46
const FOOT_PX = 30

/** "企业一张图 · 海口市": what the sheet is about. */
export function sheetTitle(): string {
  const theme = themes.find((entry) => entry.id === view.theme)
  const where = view.area ? areaPath(view.area).split(' / ').pop() : t('province')
  return `${where} ${theme ? pick(theme.title) : ''}`.trim()
}

/** What the law wants beside a map: its approval number, or that it is a sketch. */
export function mapNote(): string {
  const base = basemap.value
  if (base?.approval_number) {
    return [base.attribution, `${t('approval')} ${base.approval_number}`].filter(Boolean).join(' ')
  }
  return base?.note ? pick({ zh: base.note, en: base.note_en }) : t('sketchNote')
}

/** The drawing buffer is only filled while a frame is drawn: copied there and then. */
export function copyCanvas(m: MapLibreMap): Promise<HTMLCanvasElement> {
  return new Promise((resolve) => {
    m.once('render', () => {
      const from = m.getCanvas()
      const copy = document.createElement('canvas')
      copy.width = from.width
      copy.height = from.height
      copy.getContext('2d')!.drawImage(from, 0, 0)
      resolve(copy)
    })
    m.triggerRepaint()
  })
}

function drawScale(ctx: CanvasRenderingContext2D, m: MapLibreMap, right: number, base: number): void {
  const bar = scaleBar(m.getCenter().lat, m.getZoom(), 120)
  ctx.strokeStyle = '#1b2733'
  ctx.lineWidth = 2
  ctx.beginPath()
  ctx.moveTo(right - bar.px, base - 6)
  ctx.lineTo(right - bar.px, base)
  ctx.lineTo(right, base)
  ctx.lineTo(right, base - 6)
  ctx.stroke()
  ctx.textAlign = 'right'
  ctx.fillText(bar.label, right - bar.px - 8, base)
}

/** The picture that people download; inset and notes are part of it. */
export async function takePicture(m: MapLibreMap): Promise<Blob> {
  const shot = await copyCanvas(m)
  const ratio = shot.width / m.getContainer().clientWidth
  const [width, height] = [shot.width / ratio, shot.height / ratio]
  const canvas = document.createElement('canvas')
  canvas.width = shot.width
  canvas.height = Math.round((height + HEAD_PX + FOOT_PX) * ratio)
  const ctx = canvas.getContext('2d')!
  ctx.scale(ratio, ratio)
  ctx.fillStyle = '#ffffff'
  ctx.fillRect(0, 0, width, height + HEAD_PX + FOOT_PX)
  ctx.drawImage(shot, 0, HEAD_PX, width, height)
  if (inset.value) {
    const small = await copyCanvas(inset.value)
    const [w, h] = [small.width / ratio, small.height / ratio]
    const [x, y] = [width - w - 12, HEAD_PX + height - h - 12]
    ctx.drawImage(small, x, y, w, h)
    ctx.strokeStyle = '#33475b'
    ctx.lineWidth = 1.5
    ctx.strokeRect(x, y, w, h)
    ctx.fillStyle = '#33475b'
    ctx.font = `11px ${FONT}`
    ctx.textAlign = 'center'
    ctx.fillText(t('southSea'), x + w / 2, y + h - 5)
  }
  ctx.fillStyle = '#1b2733'
  ctx.textAlign = 'left'
  ctx.font = `600 20px ${FONT}`
  ctx.fillText(sheetTitle(), 14, 31)
  ctx.font = `12px ${FONT}`
  const base = HEAD_PX + height + 20
  const data = asOfMs.value === null ? '' : t('asOf', { time: beijingTime(asOfMs.value) })
  ctx.fillText([mapNote(), data, t('madeAt', { time: beijingTime(Date.now()) })].filter(Boolean).join('　'), 14, base)
  drawScale(ctx, m, width - 14, base)
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('toBlob'))), 'image/png'),
  )
}

export async function downloadPicture(m: MapLibreMap): Promise<void> {
  const url = URL.createObjectURL(await takePicture(m))
  const link = document.createElement('a')
  link.href = url
  link.download = `${sheetTitle().replace(/\s+/g, '-')}-${beijingTime(Date.now()).replace(/\D/g, '')}.png`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
