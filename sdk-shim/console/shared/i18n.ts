// Chinese first, English beside it; the choice is remembered per browser.
import { ref, watch } from 'vue'

export type Lang = 'zh' | 'en'
export interface Title {
  zh: string
  en?: string | null
}
export type Messages = Record<string, readonly [zh: string, en: string]>

const STORAGE_KEY = 'cim.lang'

function remembered(): Lang {
  try {
    return localStorage.getItem(STORAGE_KEY) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh' // storage can be switched off by policy
  }
}

export const lang = ref<Lang>(remembered())

watch(
  lang,
  (value) => {
    document.documentElement.lang = value === 'zh' ? 'zh-CN' : 'en'
    try {
      localStorage.setItem(STORAGE_KEY, value)
    } catch {
      /* not remembered, still switched */
    }
  },
  { immediate: true },
)

export function toggleLang(): void {
  lang.value = lang.value === 'zh' ? 'en' : 'zh'
}

/** The text of a two-language title in the current language; Chinese where English is missing. */
export function pick(title: Title | null | undefined): string {
  if (!title) return ''
  return lang.value === 'en' && title.en ? title.en : title.zh
}

/** A translator over a closed set of messages; `{name}` in a message is replaced by vars.name. */
export function translator<M extends Messages>(messages: M) {
  return (key: keyof M, vars: Record<string, string | number> = {}): string => {
    const text = messages[key][lang.value === 'zh' ? 0 : 1]
    return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
      name in vars ? String(vars[name]) : whole,
    )
  }
}

/** Milliseconds since the epoch as Beijing time, the zone every figure is shown in. */
export function beijingTime(ms: number, withDate = true): string {
  const parts = new Intl.DateTimeFormat('zh-CN', {
    timeZone: 'Asia/Shanghai',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(new Date(ms))
  const of = (type: string): string => parts.find((p) => p.type === type)?.value ?? ''
  const clock = `${of('hour')}:${of('minute')}`
  return withDate ? `${of('year')}-${of('month')}-${of('day')} ${clock}` : clock
}

export function formatCount(value: number): string {
  return value.toLocaleString(lang.value === 'zh' ? 'zh-CN' : 'en')
}
