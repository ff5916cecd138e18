import { ref } from 'vue'

export const sideOpen = ref(true)
export const tableOpen = ref(false)
export const insetOpen = ref(true)
export const locateOpen = ref(false)
export const routeOpen = ref(false)
export const sitingOpen = ref(false)
export const planOpen = ref(false)
export const consequenceOpen = ref(false)
export const analysisOpen = ref(false)
export const placingOpen = ref(false)
export const printOpen = ref(false)
