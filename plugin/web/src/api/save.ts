// What an analysis found, as a file on this machine.
import { pick } from '@cim/i18n'
import { t } from '../i18n'
import { kindName } from '../map/route'
import { cureText } from '../state/cures'
import type { RouteAnswer } from '../state/route'
import type { Compliance } from '../state/siting'

/** A cell that no spreadsheet takes for a formula. */
function cell(value: string | number | boolean): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text
}

type Row = (string | number | boolean)[]

// The mark at the start tells spreadsheets that it is UTF-8.
const csvOf = (rows: Row[]): string => `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`

function save(name: string, format: 'csv' | 'geojson', body: string): void {
  const type = format === 'csv' ? 'text/csv;charset=utf-8' : 'application/geo+json'
  const url = URL.createObjectURL(new Blob([body], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${name}.${format}`
  link.click()
  URL.revokeObjectURL(url)
}

export function elementsCsv(answer: RouteAnswer): string {
  const head = ['uid', t('elementName'), t('kind'), t('chainageM'), t('distanceTo'), t('fromM'), t('toM'), t('limitM'), t('personsHead'), t('assumedOne'), t('score'), t('basis'), 'lon', 'lat']
  const rows = answer.elements.features.map(({ properties: p, geometry: g }) => {
    const kind = answer.kinds.find((k) => k.kind === p.kind)
    return [p.element, p.name, kindName(p.kind), p.at_m, p.distance_m, p.from_m, p.to_m, p.limit_m, p.persons, p.persons_assumed ? t('yes') : t('no'), p.score, kind ? pick(kind) : '', g.coordinates[0], g.coordinates[1]]
  })
  return csvOf([head, ...rows])
}

export function saveElements(answer: RouteAnswer, format: 'csv' | 'geojson'): void {
  save('route-hazards', format, format === 'csv' ? elementsCsv(answer) : JSON.stringify(answer.elements))
}

function stationsCsv(answer: Compliance): string {
  const head = ['uid', t('elementName'), t('state'), t('shortM'), t('volumeM3'), t('clause'), t('cures'), 'lon', 'lat']
  const rows = answer.stations.features.map(({ properties: p, geometry: g }) => {
    const broken = p.rules.filter((line) => !line.ok).map((line) => line.rule.clause)
    return [p.uid, p.name, p.verdict_zh, p.short_m, p.station.volume_m3 ?? '', [...new Set(broken)].join('；'), p.cures.map(cureText).join('；'), g.coordinates[0], g.coordinates[1]]
  })
  return csvOf([head, ...rows])
}

export function saveStations(answer: Compliance, format: 'csv' | 'geojson'): void {
  save('station-compliance', format, format === 'csv' ? stationsCsv(answer) : JSON.stringify(answer.stations))
}
