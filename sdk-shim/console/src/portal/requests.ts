// Requests for data and records of the catalogue, as the host tells of them.
export interface DataRequest {
  uid: string
  requester: string
  requester_name: string
  holder_kind: 'user' | 'org'
  holder: string
  resource: string
  actions: string[]
  fields: string[] | null
  areas: string[]
  until: string
  reason: string
  renews: string | null
  state: 'waiting' | 'approved' | 'refused' | 'withdrawn' | 'expired' | 'ended'
  created: string
  decided_by: string | null
  decided: string | null
  decision: string | null
}

export interface CatalogueRecord {
  id: string
  properties: {
    title: string
    description?: string
    type: 'dataset' | 'service' | 'process'
    updated?: string
    'x-cim-readable': boolean
    catalog: {
      code: string
      provider: string
      class?: string
      format: string
      update?: string
      sharing: { type: string; title: string; condition?: string; method: string }
      open: { type: string; title: string }
      items?: { name: string; title: string; type: string; required: boolean; sensitive: boolean; unit?: string }[]
    }
    lineage?: { at: string; by: string; way: string; job?: string; source: string }[]
  }
}

export interface Quality {
  records: number
  fields: { field: string; title: string; required: boolean; missing: number; completeness: number | null }[]
}

export const STATE_TAG = {
  waiting: 'warning', approved: 'success', refused: 'danger', withdrawn: 'info', expired: 'info', ended: 'info',
} as const
