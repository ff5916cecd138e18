// Analyses that have no page of their own: which there are, the form of the one that is open, its run, and what it found.
import { problemText, toProblem } from '@cim/api'
import { lang } from '@cim/i18n'
import { computed, reactive, ref, shallowRef, watch } from 'vue'
import { jobResults, recentRuns, type JobStatus, type RunOf } from '../api/jobs'
import { fetchProcess, fetchProcesses, type Part, type ProcessDescription, type ProcessSummary, type Schema } from '../api/processes'
import { fetchSchema } from '../api/platform'
import type { LayerSchema } from '../api/types'
import { firstValue, InputError, inputsOf, missing, valueOf, type Place, type Surroundings, type Value } from './form'
import { errorOf, jobRunner } from './job'
import { tableOf, type Table } from './tables'

/** Shown by panels of their own, or nothing for the map. */
const ELSEWHERE = ['lpg.siting', 'lpg.why-not', 'lpg.station-compliance', 'lpg.route-hazards', 'lpg.consequence', 'lpg.search-words', 'lpg.geocode', 'lpg.reverse-geocode']

export type Found = RunOf<Record<string, unknown>> & Record<string, unknown>

export interface ResultLayer {
  id: string
  title: string
  features: GeoJSON.Feature[]
  schema: Schema
  table: Table
}

export const processes = shallowRef<ProcessSummary[]>([])
export const process = shallowRef<ProcessDescription | null>(null)
export const values = reactive<Record<string, Value>>({})
/** An input that cannot be read, found before anybody was asked. */
export const misread = reactive({ input: '', message: '' })
export const answer = shallowRef<{ job: string; answer: Found } | null>(null)
export const saved = shallowRef<JobStatus[]>([])
/** `output/number` of the feature that is pointed at. */
export const chosen = ref('')
const schemas = shallowRef<Record<string, LayerSchema>>({})

const runner = jobRunner<Found>(() => process.value!.id)
export const { run, cancel: cancelAnalysis, say } = runner

export const lacks = computed(() => (process.value ? missing(process.value, values) : []))

/** The input at fault, found by the form or told by the host. */
export const faulty = computed(() => {
  if (misread.input) return misread.input
  const name = run.param.replace(/^inputs\./, '').replace(/[.[].*$/, '')
  return process.value && name in process.value.inputs ? name : ''
})

export const errorText = computed(() => {
  const titles = Object.fromEntries(Object.entries(process.value?.inputs ?? {}).map(([name, part]) => [name, part.title]))
  if (!misread.message) return errorOf(run, titles)
  return titles[misread.input] ? `${titles[misread.input]}：${misread.message}` : misread.message
})

const collectionOf = (value: unknown): GeoJSON.Feature[] | null => {
  const given = value as GeoJSON.GeoJSON | null
  if (!given || typeof given !== 'object') return null
  if (given.type === 'FeatureCollection') return given.features
  if (given.type === 'Feature') return [given]
  return 'coordinates' in given ? [{ type: 'Feature', geometry: given, properties: {} }] : null
}

/** Outputs that the map draws, in the order of the description. */
export const resultLayers = computed<ResultLayer[]>(() => {
  if (!answer.value || !process.value) return []
  const found = answer.value.answer
  return Object.entries(process.value.outputs).flatMap(([id, part]) => {
    const features = collectionOf(found[id])
    const properties = features?.map((feature) => feature.properties ?? {}) ?? []
    const table = features && tableOf(properties, part.schema, found.run.inputs, schemas.value)
    return features && table ? [{ id, title: part.title ?? id, features, schema: part.schema, table }] : []
  })
})

const shownAsText = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)
const isHidden = (part: Part): boolean => 'x-report' in part.schema

/** Figures of the answer, under their titles. */
export const facts = computed(() => {
  if (!answer.value || !process.value) return []
  return Object.entries(process.value.outputs)
    .filter(([id, part]) => shownAsText(answer.value!.answer[id]) && !isHidden(part))
    .map(([id, part]) => ({ id, title: part.title ?? id, value: answer.value!.answer[id] as string | number | boolean }))
})

/** Lists of objects that no map draws, where the description says what their columns are. */
export const lists = computed(() => {
  if (!answer.value || !process.value) return []
  return Object.entries(process.value.outputs).flatMap(([id, part]) => {
    const rows = answer.value!.answer[id]
    if (!part.schema['x-columns'] || !Array.isArray(rows) || !rows.length) return []
    return [{ id, title: part.title ?? id, table: tableOf(rows as Record<string, unknown>[], part.schema, {}, {}) }]
  })
})

export async function loadProcesses(): Promise<void> {
  try {
    processes.value = (await fetchProcesses()).filter((one) => one.id.startsWith('lpg.') && !ELSEWHERE.includes(one.id))
    const first = processes.value[0]
    if (first && !process.value) await openProcess(first.id)
  } catch (error) {
    say(error)
  }
}

export async function openProcess(id: string): Promise<void> {
  clearAnalysis()
  saved.value = []
  try {
    const described = await fetchProcess(id)
    for (const name of Object.keys(values)) delete values[name]
    for (const [name, part] of Object.entries(described.inputs)) values[name] = firstValue(part)
    process.value = described
    await loadSaved()
  } catch (error) {
    say(error)
  }
}

watch(lang, async () => {
  if (process.value) process.value = await fetchProcess(process.value.id).catch(() => process.value)
})

async function loadSaved(): Promise<void> {
  saved.value = await recentRuns(process.value!.id)
}

/** Titles and codes of the attributes that came from layers. */
async function loadSchemas(inputs: Record<string, unknown>): Promise<void> {
  const names = Object.values(inputs).map((input) => (typeof input === 'string' ? input : (input as { layer?: string } | null)?.layer))
  const layers = names.filter((name): name is string => typeof name === 'string' && name.startsWith('lpg.'))
  const found = await Promise.all(layers.map((layer) => fetchSchema(layer).catch(() => null)))
  schemas.value = Object.fromEntries(layers.flatMap((layer, i) => (found[i] ? [[layer, found[i]]] : [])))
}

async function show(done: { job: string; answer: Found }): Promise<void> {
  await loadSchemas(done.answer.run.inputs)
  chosen.value = ''
  answer.value = done
}

export async function runAnalysis(around: Surroundings): Promise<void> {
  Object.assign(misread, { input: '', message: '' })
  try {
    const done = await runner.start(inputsOf(process.value!, values, around))
    if (!done) return
    await show(done)
    await loadSaved()
  } catch (error) {
    if (error instanceof InputError) Object.assign(misread, { input: error.input, message: error.message })
    else say(error)
  }
}

/** A run of before, as it was; its question is the one in the form then. */
export async function openSaved(job: string): Promise<void> {
  try {
    const found = await jobResults<Found>(job)
    for (const [name, part] of Object.entries(process.value!.inputs)) values[name] = valueOf(part, found.run.inputs[name])
    await show({ job, answer: found })
  } catch (error) {
    say(error)
  }
}

export function clearAnalysis(): void {
  runner.forget()
  Object.assign(misread, { input: '', message: '' })
  answer.value = null
  chosen.value = ''
}

/** What became of a file that was brought for an input; null: it was read. */
export function tellOfFile(input: string, error: unknown): void {
  Object.assign(misread, error === null ? { input: '', message: '' } : { input, message: problemText(toProblem(error)) })
}

export const placesOf = (): Place[] => Object.values(values).filter((value): value is Place => typeof value === 'object' && !Array.isArray(value))
