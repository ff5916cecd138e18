// What the tests share: one browser, a page that watches itself, and the few moves a person makes.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { chromium } from 'playwright-core'

export const base = process.env.CIM_URL ?? ''
const password = process.env.CIM_DEMO_PASSWORD ?? ''
assert.ok(base && password, 'CIM_URL and CIM_DEMO_PASSWORD must name a running host; see tests/browser/run')

export const WAIT_MS = 30_000
const looked = Boolean(process.env.BROWSER_SHOTS)

export function launch() {
  return chromium.launch({
    executablePath: process.env.BROWSER_PATH ?? '/usr/bin/chromium',
    // The map needs WebGL, and a test machine has no graphics card: Mesa draws with the processor, at less than half
    // of what Chromium's own SwiftShader takes. The page around the map is painted without that detour.
    args: ['--no-sandbox', '--use-gl=angle', '--use-angle=gl-egl', '--ignore-gpu-blocklist', '--disable-gpu-rasterization'],
  })
}

/** A fresh visitor. `faults` collects what a person at the developer tools would call wrong. */
export async function visit(browser, path, options = {}) {
  const context = await browser.newContext({
    // Frames are drawn by the processor here: none of a movement, and a quarter of the pixels unless they are looked at.
    viewport: { width: 1440, height: 860 }, locale: 'zh-CN', reducedMotion: 'reduce', deviceScaleFactor: looked ? 1 : 0.5, ...options,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  const faults = []
  const expected = []
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`))
  page.on('console', (message) => {
    // A failed load is judged by its response below, where the address is known.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      faults.push(`console: ${message.text()}`)
    }
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (['blob:', 'data:'].includes(url.protocol)) return
    if (url.origin !== new URL(base).origin) faults.push(`left the host: ${request.url()}`)
  })
  page.on('response', (response) => {
    const at = `${response.status()} ${new URL(response.url()).pathname}`
    // Asking who is signed in is how a visitor learns that nobody is.
    if (response.status() < 400 || at === '401 /auth/me' || expected.some((e) => at.startsWith(e))) return
    faults.push(`answer: ${at}`)
  })
  await page.goto(base + path)
  return { page, context, faults, expect: (text) => expected.push(text) }
}

export const test = (name) => `[data-test="${name}"]`

export async function signIn(page, username, word = password) {
  await page.fill('#sign-in-username', username)
  await page.fill('#sign-in-password', word)
  await page.click('.sign-in button[type=submit]')
}

/** Until the map has drawn what it wants to draw. */
export async function mapReady(page) {
  await page.waitForFunction(
    () => window.__lpgMap?.getLayer('cim:measure-point') && window.__lpgMap.areTilesLoaded() && !window.__lpgMap.isMoving(),
  )
  await page.evaluate(() => new Promise((resolve) => {
    const map = window.__lpgMap
    const done = () => map.areTilesLoaded() && resolve()
    map.once('idle', done)
    map.triggerRepaint()
  }))
}

/** Cookies of who signed in before: the page asks again only when that session has ended. */
const sessions = new Map()

export async function openMap(browser, username, hash = '', options = {}) {
  const cookies = sessions.get(username) ?? []
  const visitor = await visit(browser, `/apps/lpg/${hash}`, { storageState: { cookies, origins: [] }, ...options })
  const { page, context } = visitor
  const asked = await page.waitForSelector(`.sign-in, ${test('map')}`)
  if (await asked.evaluate((element) => element.classList.contains('sign-in'))) {
    await signIn(page, username)
    await page.waitForSelector(test('map'))
    sessions.set(username, await context.cookies())
  }
  await mapReady(page)
  return visitor
}

/** Features of a collection on the screen: how many drawn, and how many records they stand for. */
export function drawn(page, collection) {
  return page.evaluate((id) => {
    const map = window.__lpgMap
    const layers = map.getStyle().layers.filter((l) => l.source === id).map((l) => l.id)
    if (!layers.length) return { features: 0, records: 0, names: [] }
    const seen = new Map()
    for (const f of map.queryRenderedFeatures({ layers })) {
      const p = f.properties
      seen.set(p.cluster ? `c${p.cluster_id}/${p.count}` : `f${p.fid}`, p)
    }
    const all = [...seen.values()]
    return {
      features: all.length,
      records: all.reduce((sum, p) => sum + (p.cluster ? Number(p.count) : 1), 0),
      areas: [...new Set(all.filter((p) => p.area_code).map((p) => String(p.area_code)))],
    }
  }, collection)
}

/** The figures of a layer in the tree, once the host has answered. */
export async function figures(page, collection) {
  const row = page.locator(test(`layer-${collection}`))
  await page.waitForFunction(
    (selector) => {
      const text = document.querySelector(selector)?.textContent ?? ''
      return /\d.*\/.*\d/.test(text)
    },
    `${test(`layer-${collection}`)} ${test('layer-figure')}`,
  )
  const number = async (name) => Number((await row.locator(test(name)).innerText()).replace(/\D/g, ''))
  return { inView: await number('in-view'), total: await number('total') }
}

export async function until(what, ask, ok, ms = WAIT_MS) {
  const end = Date.now() + ms
  let last
  do {
    last = await ask()
    if (ok(last)) return last
    await new Promise((resolve) => setTimeout(resolve, 150))
  } while (Date.now() < end)
  assert.fail(`${what}: still ${JSON.stringify(last)} after ${ms} ms`)
}

/** In the dialog that is open. */
export async function pickArea(page, name) {
  const picker = page.locator(`${test('area-picker')}:visible`).last()
  const picked = async () => (await picker.innerText()).includes(name)
  // The tree is drawn anew while it is filtered: a click may meet a node that is gone.
  const pick = async () => {
    if (await picked()) return true
    await picker.locator('input').fill(name)
    await page.locator('.el-tree-node__content:visible', { hasText: name }).first().click()
    // What was picked shows a moment later: a second click would take it away again.
    return until(`${name} shown`, picked, Boolean, 3000).catch(() => false)
  }
  await until(`${name} picked`, pick, Boolean)
}

/** A picture for people, where BROWSER_SHOTS names a folder for them. */
export async function shot(page, name) {
  if (looked) await page.screenshot({ path: `${process.env.BROWSER_SHOTS}/${name}.png` })
}

/** TOTP as an authenticator app computes it (RFC 6238), of a secret in base32. */
export function totp(secret, ms) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(ms / 30_000)))
  const mac = createHmac('sha1', key).update(counter).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
