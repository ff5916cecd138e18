// What changes of a record, as one line: each field, what it is and what it becomes.
import type { Compared } from './access'
import { t } from './i18n'

const NAMES = {
  display_name: 'displayName', org: 'org', area: 'area', name: 'name', kind: 'orgKind', parent: 'parentOrg', source: 'source', id: 'directoryId',
} as const

export function changesText(changes: Compared['changes'] = []): string {
  return changes.map((one) => `${t(NAMES[one.field as keyof typeof NAMES] ?? 'detail')}：${one.from ?? '—'} → ${one.to ?? '—'}`).join('；')
}
