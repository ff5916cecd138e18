// Whether a person asked the system for no movement on the screen.
export const still = window.matchMedia('(prefers-reduced-motion: reduce)')
