// A plugin's life in the console, on a platform of its own: found, read, enabled, upgraded from a bundle, rolled back,
// disabled, uninstalled; and one that crashes until it is put out of service.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PASSWORD, Platform } from '../integration/sign_in/platform.mjs'
import { bundle } from './bundle.mjs'
import { launch, shot, signIn, test, until } from './lib.mjs'

const built = process.env.PLUGINS_BUILT ?? ''
assert.ok(built, 'PLUGINS_BUILT names the build; see tests/browser/run')
const template = join(built, 'sdk-shim/template/template')
const unruly = join(built, 'tests/integration/host/unruly')

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
    platform.addUser('boss', 'platform-admin,note-reader')
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
    await upload(bundle(template, 'template', platform.var, '0.2.0', { '0002_more.sql': 'alter table template_note add column more {text};\n' }))
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
    await upload(bundle(template, 'template', platform.var, '0.3.0', { '0002_more.sql': 'alter table template_note add column more {text};\n' }))
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
