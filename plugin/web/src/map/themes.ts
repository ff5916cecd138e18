// The five one-maps. Colours, shapes and classes live in styles/*.json, not here.
import type { Title } from '@cim/i18n'

export type ThemeId = 'enterprises' | 'vehicles' | 'users' | 'hazards' | 'accidents'

export interface Theme {
  id: ThemeId
  title: Title
  layers: string[]
}

export const themes: Theme[] = [
  {
    id: 'enterprises',
    title: { zh: '企业一张图', en: 'Enterprises' },
    layers: ['lpg.enterprises', 'lpg.stations'],
  },
  {
    id: 'vehicles',
    title: { zh: '车辆一张图', en: 'Vehicles' },
    layers: ['lpg.vehicles', 'lpg.roads', 'lpg.transport-routes', 'lpg.restricted-zones'],
  },
  { id: 'users', title: { zh: '用户一张图', en: 'Users' }, layers: ['lpg.end-users'] },
  { id: 'hazards', title: { zh: '隐患一张图', en: 'Hazards' }, layers: ['lpg.hazards'] },
  { id: 'accidents', title: { zh: '事故一张图', en: 'Accidents' }, layers: ['lpg.accidents'] },
]

export const otherLayers = [
  'lpg.cameras',
  'lpg.detectors',
  'lpg.inspections',
  'lpg.complaints',
  'lpg.cases',
  'lpg.emergency-resources',
  'lpg.risk-elements',
  'lpg.buildings',
  'lpg.planned-projects',
  'lpg.control-lines',
  'lpg.land-use',
  'lpg.districts',
  'lpg.places',
]

/** Bottom to top: areas below lines below points, and what is fewer above what is many. */
export const drawOrder = [
  'lpg.districts',
  'lpg.land-use',
  'lpg.control-lines',
  'lpg.planned-projects',
  'lpg.buildings',
  'lpg.restricted-zones',
  'lpg.roads',
  'lpg.transport-routes',
  'lpg.places',
  'lpg.end-users',
  'lpg.inspections',
  'lpg.risk-elements',
  'lpg.emergency-resources',
  'lpg.cameras',
  'lpg.detectors',
  'lpg.complaints',
  'lpg.cases',
  'lpg.hazards',
  'lpg.accidents',
  'lpg.stations',
  'lpg.enterprises',
  'lpg.vehicles',
]

/** `look`: a style beside the layer's own, such as `heat`; empty: its own. */
export const styleOf = (collection: string, look = ''): string =>
  collection.replace(/^lpg\./, '') + (look ? `-${look}` : '')
