// Typed access to the host: problem documents become ProblemError, an expired session waits for
// the person to sign in again and then repeats the request, so nothing typed is lost.
import { lang } from './i18n'

export interface Problem {
  type?: string
  title?: string
  title_en?: string
  status: number
  detail?: string
  detail_en?: string
  param?: string | null
  value?: unknown
  request_id?: string
}

export class ProblemError extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${problem.status}`)
    this.name = 'ProblemError'
    this.problem = problem
  }
  get status(): number {
    return this.problem.status
  }
}

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  json?: unknown
  body?: BodyInit
  contentType?: string
  /** RFC 7240: "respond-async" */
  prefer?: string
  /** The entity tag that a change expects. */
  ifMatch?: string
  signal?: AbortSignal
  /** Sign-in calls answer 401 as their own result and must not wait for a new session. */
  anonymous?: boolean
}

interface SessionHooks {
  csrf(): string | null
  signedIn(): boolean
  /** Resolves once the person has signed in again. */
  renew(): Promise<void>
}

let session: SessionHooks = { csrf: () => null, signedIn: () => false, renew: async () => {} }

export function bindSession(hooks: SessionHooks): void {
  session = hooks
}

export function networkProblem(): Problem {
  return {
    status: 0,
    title: '连不上服务器',
    title_en: 'The server cannot be reached',
    detail: '请检查网络，稍后重试。',
    detail_en: 'Check the network and try again.',
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Partial<Problem>
    return { ...body, status: body.status ?? response.status }
  } catch {
    return {
      status: response.status,
      title: `服务器返回 ${response.status}`,
      title_en: `The server answered ${response.status}`,
    }
  }
}

async function send(path: string, options: RequestOptions): Promise<Response> {
  const method = options.method ?? 'GET'
  const headers: Record<string, string> = { Accept: 'application/json' }
  let body = options.body
  if (options.json !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(options.json)
  } else if (options.contentType) {
    headers['Content-Type'] = options.contentType
  }
  if (options.prefer) headers.Prefer = options.prefer
  if (options.ifMatch) headers['If-Match'] = options.ifMatch
  const csrf = session.csrf()
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf
  try {
    return await fetch(path, {
      method,
      headers,
      body,
      signal: options.signal,
      credentials: 'same-origin',
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ProblemError(networkProblem())
  }
}

export async function requestRaw(path: string, options: RequestOptions = {}): Promise<Response> {
  let response = await send(path, options)
  if (response.status === 401 && !options.anonymous && session.signedIn()) {
    await session.renew()
    response = await send(path, options)
  }
  if (!response.ok) throw new ProblemError(await problemOf(response))
  return response
}

export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await requestRaw(path, options)
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  const text = error instanceof Error ? error.message : String(error)
  return { status: 0, title: '页面出错', title_en: 'The page failed', detail: text, detail_en: text }
}

/** One sentence for a person: what happened, and which input it was where one is at fault. */
export function problemText(problem: Problem): string {
  const english = lang.value === 'en'
  const title = (english ? problem.title_en : problem.title) ?? problem.title ?? ''
  const detail = (english ? problem.detail_en : problem.detail) ?? problem.detail ?? ''
  const main = detail || title || `HTTP ${problem.status}`
  if (!problem.param || main.includes(problem.param)) return main
  return english ? `${main} (${problem.param})` : `${main}（${problem.param}）`
}

export function query(params: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(params).filter(([, v]) => v !== null && v !== undefined && v !== '')
  if (!pairs.length) return ''
  return `?${pairs.map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(String(v))}`).join('&')}`
}
