// Who is signed in. `expired` keeps the page as it is and lays the sign-in form over it.
import { computed, ref } from 'vue'
import { bindSession, request, ProblemError } from './api'

export interface Me {
  username: string
  display_name: string
  roles: string[]
  areas: string[]
  org: string | null
  functions: string[]
  csrf: string
}

/** What is still asked of somebody whose password was right. */
export interface Step {
  username: string
  step: 'code' | 'password' | 'factor'
  csrf: string
  recovery?: string[]
}

export interface Provider {
  id: string
  zh: string
  en: string
}

export type SessionState = 'unknown' | 'anonymous' | 'signed-in' | 'expired'

export const me = ref<Me | null>(null)
export const sessionState = ref<SessionState>('unknown')
export const step = ref<Step | null>(null)
/** Recovery codes, until the person says that they are kept. */
export const recovery = ref<string[] | null>(null)
export const signedIn = computed(() => sessionState.value === 'signed-in')

let waiting: Array<() => void> = []
let entered: Me | null = null
const renewedHandlers = new Set<() => void>()

bindSession({
  csrf: () => step.value?.csrf ?? entered?.csrf ?? me.value?.csrf ?? null,
  signedIn: () => sessionState.value === 'signed-in' || sessionState.value === 'expired',
  renew: () => {
    sessionState.value = 'expired'
    return new Promise((resolve) => waiting.push(resolve))
  },
})

/** Something outside the API client (a tile request) was told 401. */
export function sessionLost(): void {
  if (sessionState.value === 'signed-in') sessionState.value = 'expired'
}

/** Called after the same person has signed in again. */
export function onRenewed(handler: () => void): () => void {
  renewedHandlers.add(handler)
  return () => renewedHandlers.delete(handler)
}

/** Somebody who comes back from a sign-in provider and still owes a step here. */
async function takeUpStep(): Promise<void> {
  const address = new URL(location.href)
  if (address.searchParams.get('sign_in') !== 'step') return
  address.searchParams.delete('sign_in')
  history.replaceState(null, '', address)
  step.value = await request<Step>('/auth/step', { anonymous: true })
}

export async function loadSession(): Promise<void> {
  try {
    me.value = await request<Me>('/auth/me', { anonymous: true })
    sessionState.value = 'signed-in'
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status !== 401) throw error
    me.value = null
    sessionState.value = 'anonymous'
    await takeUpStep()
  }
}

/** Goes on after each answer of the sign-in: to the next step, to codes to be kept, or in. */
function proceed(answer: Me | Step): void {
  recovery.value = (answer as Step).recovery ?? null
  if ('step' in answer) {
    step.value = answer
    return
  }
  step.value = null
  entered = answer
  if (!recovery.value) enter()
}

function enter(): void {
  const who = entered
  entered = null
  if (!who) return
  const before = sessionState.value === 'expired' ? me.value?.username : undefined
  if (before !== undefined && before !== who.username) {
    // Another person must not inherit what the first one had on screen.
    location.reload()
    return
  }
  me.value = who
  sessionState.value = 'signed-in'
  const resume = waiting
  waiting = []
  resume.forEach((go) => go())
  if (before !== undefined) renewedHandlers.forEach((handler) => handler())
}

const post = (path: string, json: unknown): Promise<Me | Step> =>
  request<Me | Step>(path, { method: 'POST', json, anonymous: true })

export async function signIn(username: string, password: string): Promise<void> {
  proceed(await post('/auth/login', { username, password }))
}

export async function giveCode(code: string): Promise<void> {
  proceed(await post('/auth/factor', { code }))
}

export async function changePassword(old: string, password: string): Promise<void> {
  proceed(await post('/auth/password', { old, password }))
}

/** Somebody who is signed in gives the password again. */
export function beginFactor(password: string): Promise<{ secret: string; uri: string }> {
  return request('/auth/factor/begin', { method: 'POST', json: password ? { password } : {}, anonymous: true })
}

export async function confirmFactor(code: string): Promise<void> {
  proceed(await post('/auth/factor/confirm', { code }))
}

export function keepRecovery(): void {
  recovery.value = null
  enter()
}

export function abandonStep(): void {
  step.value = null
}

/** Where people may sign in but here. */
export async function loadProviders(): Promise<Provider[]> {
  return (await request<{ providers: Provider[] }>('/auth/providers', { anonymous: true })).providers
}

export function providerUrl(provider: Provider): string {
  return `/auth/login/${provider.id}?return=${encodeURIComponent(location.pathname + location.search + location.hash)}`
}

export async function signOut(): Promise<void> {
  try {
    const answer = await request<{ logout_url: string } | undefined>('/auth/logout', { method: 'POST', anonymous: true })
    if (answer) {
      location.assign(answer.logout_url) // signs out at the provider too
      return
    }
  } catch (error) {
    // A session that is gone already is what was asked for.
    if (!(error instanceof ProblemError) || error.status !== 401) throw error
  }
  location.reload()
}
