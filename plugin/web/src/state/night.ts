// Night colours for map and page; kept by the browser, for they go with the room and not with the work.
import { ref, watchEffect } from 'vue'

const STORAGE_KEY = 'lpg.night'

function stored(): boolean {
  try {
    return localStorage.getItem(STORAGE_KEY) === 'on'
  } catch {
    return false
  }
}

export const night = ref(stored())

watchEffect(() => {
  document.documentElement.classList.toggle('dark', night.value)
  try {
    localStorage.setItem(STORAGE_KEY, night.value ? 'on' : 'off')
  } catch {
    /* not remembered */
  }
})
