import type { Title } from '@cim/i18n'

export type PluginState = 'disabled' | 'enabling' | 'enabled' | 'failed'

export interface Plugin {
  id: string
  name: Title | null
  version: string
  state: PluginState
  reason: string | null
  /** How it ended earlier workers, newest first. */
  failures: { at: string; kind: 'crash' | 'hang' | 'memory' | 'exit'; number: number }[]
  manifest: Record<string, unknown> | null
  registered: Record<string, unknown> | null
}

export interface RefusedRow {
  row: number
  field: string | null
  value: string | null
  zh: string
  en: string
}

export interface ImportReport {
  layer: string
  read: number
  written: number
  refused: RefusedRow[]
  refused_total: number
}
