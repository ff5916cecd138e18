// A plugin's life in the console, on a platform of its own: found, read, enabled, upgraded from a bundle, rolled back,
// disabled, uninstalled; and one that crashes until it is put out of service.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PASSWORD, Platform } from '../integration/sign_in/platform.mjs'
import { launch, shot, signIn, test, until } from './lib.mjs'

const built = process.env.PLUGINS_BUILT ?? ''
assert.ok(built, 'PLUGINS_BUILT names the build; see tests/browser/run')
const template = join(built, 'sdk-shim/template/template')
const unruly = join(built, 'tests/integration/host/unruly')

function filesOf(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesOf(path) : [path]
  })
}

/** A bundle as cpack makes it: the same plugin as another version, checksums in its manifest. */
function bundle(platform, version, migrations = {}) {
  const root = join(platform.var, `made-${version}`)
  const inside = join(root, 'template')
  cpSync(template, inside, { recursive: true })
  for (const [name, text] of Object.entries(migrations)) writeFileSync(join(inside, 'migrations', name), text)
  const path = join(inside, 'plugin.manifest')
  const manifest = JSON.parse(readFileSync(path, 'utf8'))
  const code = readFileSync(join(inside, manifest.library), 'latin1')
  writeFileSync(join(inside, manifest.library), code.replaceAll(`${manifest.version}\0`, `${version}\0`), 'latin1')
  manifest.version = version
  manifest.checksums = Object.fromEntries(
    filesOf(inside)
      .filter((file) => file !== path)
      .map((file) => [relative(inside, file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  )
  writeFileSync(path, JSON.stringify(manifest))
  execFileSync('tar', ['-czf', `${root}.tar.gz`, '-C', root, 'template'])
  return `${root}.tar.gz`
}

/** The layers of those that the platform has a set of tiles of. */
async function drawn(url, headers, layers) {
  const found = []
  for (const id of layers) {
    const answer = await fetch(`${url}/collections/${id}/tiles/WebMercatorQuad?f=tilejson`, { headers })
    if (answer.status === 200) found.push(id)
  }
  return found.sort()
}

/** As their definitions say. */
function layersWithPlace(folder) {
  const root = join(built, 'plugins/lpg', folder)
  return readdirSync(root)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(root, name), 'utf8')))
    .filter(({ id, geometry }) => id?.startsWith('lpg.') && geometry !== 'None')
    .map(({ id }) => id)
    .sort()
}

describe("a plugin's life in the console", () => {
  let browser, platform, page
  const faults = []
  before(async () => {
    browser = await launch()
    platform = new Platform()
    platform.alone = []
    const installed = join(platform.var, 'installed')
    mkdirSync(installed)
    cpSync(template, join(installed, 'template'), { recursive: true })
    cpSync(unruly, join(installed, 'unruly'), { recursive: true })
    cpSync(join(built, 'plugins/lpg'), join(installed, 'lpg'), { recursive: true })
    platform.addUser('boss', 'platform-admin,note-reader,regulator,data-manager')
    platform.addUser('nobody', 'note-reader')
    await platform.serve(`--plugins.dirs=${installed}`)
    page = await (await browser.newContext({ viewport: { width: 1440, height: 1000 }, locale: 'zh-CN' })).newPage()
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(`${platform.url}/admin/`)
    await signIn(page, 'boss', PASSWORD)
    await page.waitForSelector(test('plugin-template'))
  })
  after(async () => {
    await browser.close()
    await platform.close()
  })

  const card = (id) => test(`plugin-${id}`)
  const state = (id) => async () => {
    await page.click('.head .el-button:last-child') // what the platform says now
    return page.getAttribute(`${card(id)} ${test('plugin-state')}`, 'data-state')
  }
  const version = () => page.innerText(`${card('template')} .titles p`)
  const agree = () => page.click('.el-message-box .el-button--primary')
  const act = async (id, name) => {
    await page.click(`${card(id)} ${test(name)}`)
    await agree()
  }
  const upload = async (file) => {
    await page.setInputFiles(test('bundle-file'), file)
    await page.waitForSelector(`${test('bundle-version')}, ${test('bundle-error')}`)
  }

  it('is found, and read before any of its code runs', async () => {
    assert.equal(await state('template')(), 'disabled')
    await page.click(`${card('template')} .raw`)
    const manifest = JSON.parse(await page.innerText(`${card('template')} pre`))
    assert.equal(manifest.id, 'template')
    assert.ok(manifest.permissions || manifest.services, 'what it wants')
    await shot(page, 'plugins-found')
    await page.click(`${card('template')} .raw`)
  })

  it('is enabled: what will happen is said, migrations run, it answers', async () => {
    await page.click(`${card('template')} ${test('rehearse')}`)
    await page.waitForSelector('.el-message--success')
    await page.click(`${card('template')} ${test('enable')}`)
    assert.match(await page.innerText('.el-message-box'), /迁移/)
    await shot(page, 'plugins-enable')
    await agree()
    await until('enabled', state('template'), (s) => s === 'enabled')
    const status = await page.evaluate(() => fetch('/processes/template.echo').then((r) => r.status))
    assert.equal(status, 200)
  })

  it('gives from a fresh store what its manifest says, and nothing to whom nothing was granted', async () => {
    const manifest = JSON.parse(readFileSync(join(built, 'plugins/lpg/plugin.manifest'), 'utf8'))
    await page.click(`${card('lpg')} ${test('enable')}`)
    await agree()
    await until('enabled', state('lpg'), (s) => s === 'enabled')

    const post = { method: 'POST', headers: { 'Content-Type': 'application/json' } }
    const listed = {}
    for (const username of ['boss', 'nobody']) {
      const entered = await fetch(`${platform.url}/auth/token`, { ...post, body: JSON.stringify({ username, password: PASSWORD }) })
      const headers = { Authorization: `Bearer ${(await entered.json()).access_token}` }
      const ids = async (path, key) =>
        (await (await fetch(`${platform.url}${path}`, { headers })).json())[key].map(({ id }) => id).filter((id) => id.startsWith('lpg.')).sort()
      listed[username] = {
        layers: await ids('/collections', 'collections'),
        analyses: await ids('/processes', 'processes'),
        entries: await ids('/catalogue/collections/resources/items?limit=1000', 'features'),
      }
      const me = await (await fetch(`${platform.url}/auth/me`, { headers })).json()
      listed[username].menus = me.functions.filter((id) => id.startsWith('lpg.menu.')).sort()
      listed[username].drawn = await drawn(platform.url, headers, manifest.resources.layers)
    }
    assert.deepEqual(listed.boss.layers, [...manifest.resources.layers].sort())
    assert.deepEqual(listed.boss.analyses, [...manifest.resources.analyses].sort())
    for (const id of manifest.resources.layers) assert.ok(listed.boss.entries.includes(id), `${id} is in the catalogue`)
    const menus = manifest.permissions.map(({ id }) => id).filter((id) => id.startsWith('lpg.menu.')).sort()
    assert.ok(menus.length > 0)
    assert.deepEqual(listed.boss.menus, menus)
    assert.deepEqual(listed.boss.drawn, layersWithPlace(manifest.layers), 'its renderer draws each layer that has places')
    assert.deepEqual(listed.nobody, { layers: [], analyses: [], entries: listed.nobody.entries, menus: [], drawn: [] })
    const told = await page.innerText(card('lpg'))
    for (const kind of ['renderers', 'analyses', 'layers']) {
      for (const id of manifest.resources[kind]) assert.ok(told.includes(id), `the card names ${id}`)
    }
  })

  it('refuses what is no bundle and changes nothing', async () => {
    const rubbish = join(platform.var, 'rubbish.tar.gz')
    writeFileSync(rubbish, 'no bundle')
    await upload(rubbish)
    assert.match(await page.innerText(test('bundle-error')), /[\u4e00-\u9fff]/)
    await shot(page, 'plugins-no-bundle')
    await page.click('.el-dialog__footer .el-button:not(.el-button--primary)')
    assert.match(await version(), /0\.1\.0/)
  })

  it('is upgraded from a bundle while it serves, after what changes is shown', async () => {
    await upload(bundle(platform, '0.2.0', { '0002_more.sql': 'alter table template_note add column more {text};\n' }))
    assert.match(await page.innerText(test('bundle-version')), /template 0\.1\.0 → 0\.2\.0/)
    assert.match(await page.innerText(test('bundle-changes')), /0002_more\.sql/)
    await shot(page, 'plugins-bundle')
    await page.click(`.el-dialog:visible ${test('dialog-save')}`)
    await until('version 0.2.0', async () => ((await state('template')()) === 'enabled' ? version() : ''), (v) => /0\.2\.0/.test(v))
  })

  it('is rolled back, but not past its tables', async () => {
    await act('template', 'rollback')
    await until('a refusal', () => page.locator(`${card('template')} ${test('plugin-refusal')}`).allInnerTexts(), (t) => /0002_more/.test(t.join()))
    await shot(page, 'plugins-no-rollback')
    await upload(bundle(platform, '0.3.0', { '0002_more.sql': 'alter table template_note add column more {text};\n' }))
    await page.click(`.el-dialog:visible ${test('dialog-save')}`)
    await until('version 0.3.0', async () => ((await state('template')()) === 'enabled' ? version() : ''), (v) => /0\.3\.0/.test(v))
    await act('template', 'rollback')
    await until('version 0.2.0', async () => ((await state('template')()) === 'enabled' ? version() : ''), (v) => /0\.2\.0/.test(v))
  })

  it('is disabled and uninstalled, and says before what stays', async () => {
    await page.click(`${card('template')} ${test('disable')}`)
    assert.match(await page.innerText('.el-message-box'), /保留[\s\S]*数据/)
    await agree()
    await until('disabled', state('template'), (s) => s === 'disabled')
    await page.click(`${card('template')} ${test('uninstall')}`)
    await page.waitForSelector(`${test('uninstall-tables')} li`)
    assert.match(await page.innerText(test('uninstall-what')), /保留：下列数据表/)
    await page.fill(`input${test('uninstall-id')}`, 'template')
    await page.click(`.el-dialog:visible ${test('dialog-save')}`)
    await page.waitForSelector(card('template'), { state: 'detached' })
  })

  it('crashes five times and is put out of service with its history; the platform stays up', async () => {
    await act('unruly', 'enable')
    await until('enabled', state('unruly'), (s) => s === 'enabled')
    const crash = async () => {
      await page.evaluate(() => fetch('/apps/unruly/api/crash').catch(() => null))
      await until('the platform', () => page.evaluate(() => fetch('/ready').then((r) => r.status, () => 0)), (s) => s === 200)
    }
    for (let i = 0; i < 5; i++) await crash()
    await until('out of service', state('unruly'), (s) => s === 'failed')
    assert.match(await page.innerText(`${card('unruly')} ${test('plugin-reason')}`), /5|五/)
    await page.click(`${card('unruly')} ${test('plugin-failures')} summary`)
    assert.equal(await page.locator(`${card('unruly')} ${test('plugin-failures')} p`).count(), 5)
    await shot(page, 'plugins-failed')
    assert.equal(await page.evaluate(() => fetch('/health').then((r) => r.status)), 200)
    assert.deepEqual(faults, [])
  })
})
