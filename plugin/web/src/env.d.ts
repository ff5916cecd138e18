declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent<object, object, unknown>
  export default component
}

interface Window {
  /** The live map, for the browser suite and for support staff at a console. */
  __lpgMap?: import('maplibre-gl').Map
}
