// Input roles of plugins, and the datasets of the platform that they are bound to.
import { request } from '@cim/api'
import type { Title } from '@cim/i18n'
import type { Preview } from './types'

export const KINDS = ['ogcapi', 'wfs', 'table', 'file'] as const

/** What an administrator asks for; the password is never answered. */
export interface BindingAsk {
  name: string
  kind: (typeof KINDS)[number]
  url: string
  dataset?: string
  username?: string
  password?: string
  refresh_min: number
  others: 'remove' | 'keep'
  import?: Record<string, unknown>
}

export type BindingState = 'waiting' | 'refreshing' | 'good' | 'late' | 'failing'

export interface Binding {
  role: string
  title: Title
  layer: string | null
  bound: boolean
  binding?: BindingAsk
  has_password?: boolean
  state?: BindingState
  next?: string | null
  tried?: string | null
  good?: string | null
  records?: number
  created?: number
  removed?: number
  refused?: number
  error?: { zh: string; en: string } | null
}

const BASE = '/admin/api/bindings'

export const listBindings = async (): Promise<Binding[]> =>
  (await request<{ bindings: Binding[] }>(BASE)).bindings

export const putBinding = (role: string, ask: BindingAsk): Promise<Binding> =>
  request<Binding>(`${BASE}/${role}`, { method: 'PUT', json: ask })

export const testBinding = (role: string, ask: BindingAsk): Promise<Preview> =>
  request<Preview>(`${BASE}/${role}/test`, { method: 'POST', json: ask })

export const refreshBinding = (role: string): Promise<Binding> =>
  request<Binding>(`${BASE}/${role}/refresh`, { method: 'POST' })

export const removeBinding = (role: string): Promise<void> => request<void>(`${BASE}/${role}`, { method: 'DELETE' })
