// The plugins of the platform, and what is being done to them.
import { problemText, request, toProblem } from '@cim/api'
import { reactive, ref } from 'vue'
import type { Plugin } from './types'

const POLL_MS = 1000

export const plugins = ref<Plugin[]>([])
export const loading = ref(false)
export const failure = ref('')
/** Plugin id → what it is doing now. */
export const busy = reactive<Record<string, 'enable' | 'disable'>>({})
export const actionFailure = reactive<Record<string, string>>({})

export async function loadPlugins(quiet = false): Promise<void> {
  if (!quiet) loading.value = true
  failure.value = ''
  try {
    plugins.value = (await request<{ plugins: Plugin[] }>('/admin/api/plugins')).plugins
  } catch (error) {
    failure.value = problemText(toProblem(error))
  }
  loading.value = false
}

/** While one is being enabled the host answers only at the end; the state is read beside it. */
function poll(): () => void {
  const timer = window.setInterval(() => void loadPlugins(true), POLL_MS)
  return () => window.clearInterval(timer)
}

/** The migrations that enabling would apply, tried and rolled back; a refusal is the card's. */
export async function rehearse(id: string): Promise<string[] | undefined> {
  delete actionFailure[id]
  try {
    const path = `/admin/api/plugins/${encodeURIComponent(id)}/rehearse`
    return (await request<{ migrations: string[] }>(path, { method: 'POST' })).migrations
  } catch (error) {
    actionFailure[id] = problemText(toProblem(error))
    return undefined
  }
}

export interface PluginTable {
  table: string
  rows: number
}

export async function tablesOf(id: string): Promise<PluginTable[]> {
  return (await request<{ tables: PluginTable[] }>(`/admin/api/plugins/${encodeURIComponent(id)}/tables`)).tables
}

/** The sentence of a refusal, or ''. */
export async function uninstall(id: string, confirm: string, purge: boolean): Promise<string> {
  try {
    await request(`/admin/api/plugins/${encodeURIComponent(id)}/uninstall`, { method: 'POST', json: { confirm, purge } })
  } catch (error) {
    return problemText(toProblem(error))
  }
  await loadPlugins(true)
  return ''
}

export interface BundleReport {
  id: string
  version: string
  /** '' for a plugin that was not there. */
  from: string
  takes_over: boolean
  changes: string[]
}

const TAKE_OVER_MS = 120_000

/** What the bundle would change, or the sentence of a refusal. */
export async function tryBundle(file: File): Promise<BundleReport | string> {
  try {
    return await request<BundleReport>('/admin/api/plugins/bundles?dry_run=true', {
      method: 'POST',
      body: file,
      contentType: 'application/octet-stream',
    })
  } catch (error) {
    return problemText(toProblem(error))
  }
}

/** Until a new worker answers with that version. */
async function takenOver(id: string, version: string): Promise<void> {
  const until = Date.now() + TAKE_OVER_MS
  while (Date.now() < until) {
    await loadPlugins(true)
    const plugin = plugins.value.find((one) => one.id === id)
    if (plugin?.version === version && plugin.state !== 'enabling') return
    await new Promise((resolve) => window.setTimeout(resolve, POLL_MS))
  }
}

/** The sentence of a refusal, or ''. */
export async function installBundle(file: File, tried: BundleReport): Promise<string> {
  try {
    const report = await request<BundleReport>('/admin/api/plugins/bundles', {
      method: 'POST',
      body: file,
      contentType: 'application/octet-stream',
    })
    if (report.takes_over) await takenOver(tried.id, tried.version)
  } catch (error) {
    return problemText(toProblem(error))
  }
  await loadPlugins(true)
  return ''
}

/** The version that is there now; a refusal is the card's. */
export async function rollBack(id: string): Promise<string | undefined> {
  delete actionFailure[id]
  try {
    const path = `/admin/api/plugins/${encodeURIComponent(id)}/rollback`
    const report = await request<BundleReport>(path, { method: 'POST' })
    if (report.takes_over) await takenOver(id, report.version)
    await loadPlugins(true)
    return report.version
  } catch (error) {
    actionFailure[id] = problemText(toProblem(error))
    return undefined
  }
}

export async function act(id: string, action: 'enable' | 'disable'): Promise<boolean> {
  busy[id] = action
  delete actionFailure[id]
  const stop = poll()
  let done = false
  try {
    await request<Plugin>(`/admin/api/plugins/${encodeURIComponent(id)}/${action}`, {
      method: 'POST',
    })
    done = true
  } catch (error) {
    actionFailure[id] = problemText(toProblem(error))
  }
  stop()
  await loadPlugins(true)
  delete busy[id]
  return done
}
