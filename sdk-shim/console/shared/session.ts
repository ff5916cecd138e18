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

export type SessionState = 'unknown' | 'anonymous' | 'signed-in' | 'expired'

export const me = ref<Me | null>(null)
export const sessionState = ref<SessionState>('unknown')
export const signedIn = computed(() => sessionState.value === 'signed-in')

let waiting: Array<() => void> = []
const renewedHandlers = new Set<() => void>()

bindSession({
  csrf: () => me.value?.csrf ?? null,
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

export async function loadSession(): Promise<void> {
  try {
    me.value = await request<Me>('/auth/me', { anonymous: true })
    sessionState.value = 'signed-in'
  } catch (error) {
    if (!(error instanceof ProblemError) || error.status !== 401) throw error
    me.value = null
    sessionState.value = 'anonymous'
  }
}

export async function signIn(username: string, password: string): Promise<void> {
  const before = sessionState.value === 'expired' ? me.value?.username : undefined
  const who = await request<Me>('/auth/login', {
    method: 'POST',
    json: { username, password },
    anonymous: true,
  })
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

export async function signOut(): Promise<void> {
  try {
    await request<void>('/auth/logout', { method: 'POST', anonymous: true })
  } catch (error) {
    // A session that is gone already is what was asked for.
    if (!(error instanceof ProblemError) || error.status !== 401) throw error
  }
  location.reload()
}
