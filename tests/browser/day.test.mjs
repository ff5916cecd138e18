// What administrators and the bureau do on an acceptance day, on a platform that begins empty: LPG is enabled (step 1),
// organisations come from the directory, datasets are bound, a county is granted to a date and a denial is explained (2),
// fields are asked for, approved, read by a GIS and over with their period (22), tasks go to all counties while the plugin
// is upgraded and the platform is killed (23).
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PASSWORD, Platform, freePort } from '../integration/sign_in/platform.mjs'
import { bundle } from './bundle.mjs'
import { launch, pickArea, shot, signIn, test, until } from './lib.mjs'

const built = process.env.PLUGINS_BUILT ?? ''
assert.ok(built, 'PLUGINS_BUILT names the build; see tests/browser/run')
const lpg = join(built, 'plugins/lpg')
const manifest = JSON.parse(readFileSync(join(lpg, 'plugin.manifest'), 'utf8'))
const sorted = (list) => [...list].sort()

const COUNTIES = { 460105: '秀英区', 460106: '龙华区', 460107: '琼山区', 460108: '美兰区' }
const AREAS = `code,name,level,parent,aliases\n46,海南省,province,,460000\n4601,海口市,city,46,\n${Object.entries(COUNTIES).map(([code, name]) => `${code},${name},county,4601,\n`).join('')}`
const DAY_MS = 86_400_000
const dayAfter = (n) => new Date(Date.now() + n * DAY_MS).toISOString().slice(0, 10)
const square = (lon, lat) => [[[lon, lat], [lon + 0.001, lat], [lon + 0.001, lat + 0.001], [lon, lat + 0.001], [lon, lat]]]
const INPUTS = {
  'lpg.land-use': ['MultiPolygon', [square(110.31, 20.0)], { parcel_no: 'P1', code: '0701', state: 'current' }],
  'lpg.buildings': ['Polygon', square(110.32, 20.0), { building_no: 'B1', use: 'dwelling' }],
  'lpg.roads': ['LineString', [[110.3, 20.0], [110.33, 20.0]], { class: 'county', name: '乡道' }],
  'lpg.population': ['Point', [110.32, 20.01], { name: '城西镇', class: 'town' }],
}

describe('an acceptance day of administrators', () => {
  let browser, platform, directory, bound, page
  const faults = []
  const tokens = {}

  /** As a program: the answer's status and document. */
  const ask = async (who, path, method = 'GET', json = undefined, type = 'application/json') => {
    tokens[who] ??= (await (await fetch(`${platform.url}/auth/token`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username: who, password: PASSWORD }),
    })).json()).access_token
    const headers = { Authorization: `Bearer ${tokens[who]}`, ...(json === undefined ? {} : { 'Content-Type': type }) }
    const answer = await fetch(`${platform.url}${path}`, { method, headers, body: json === undefined ? undefined : JSON.stringify(json) })
    const text = await answer.text()
    return { status: answer.status, json: text.startsWith('{') ? JSON.parse(text) : null }
  }
  const good = async (...asked) => {
    const { status, json } = await ask(...asked)
    assert.ok(status < 300, `${asked.slice(0, 3).join(' ')}: ${status} ${JSON.stringify(json)}`)
    return json
  }
  const add = (layer, properties, geometry = null) =>
    good('boss', `/collections/${layer}/items`, 'POST', { type: 'Feature', geometry, properties }, 'application/geo+json')
  const agree = () => page.click('.el-message-box .el-button--primary')
  const save = async (on = page) => {
    await on.click(`${test('dialog-save')}:visible`)
    await until('saved', async () => (await on.locator(`${test('dialog-save')}:visible`).count()) > 0
      ? (await on.locator(`${test('dialog-error')}:visible`).allInnerTexts()).join() || 'waiting' : 'saved', (text) => text === 'saved')
  }
  const open = async (username, path) => {
    const opened = await (await browser.newContext({ viewport: { width: 1440, height: 1000 }, locale: 'zh-CN' })).newPage()
    opened.on('pageerror', (error) => faults.push(error.message))
    await opened.goto(`${platform.url}${path}`)
    await signIn(opened, username, PASSWORD)
    return opened
  }
  const state = async () => {
    await page.click('.head .el-button:last-child') // what the platform says now
    return page.getAttribute(`${test('plugin-lpg')} ${test('plugin-state')}`, 'data-state')
  }

  before(async () => {
    browser = await launch()
    platform = new Platform()
    platform.alone = []
    platform.run('areas', 'import', platform.file('counties.csv', AREAS))
    platform.addUser('boss', 'platform-admin,data-manager,regulator')
    platform.addUser('bureau', 'note-reader') // a role that no plugin here gives: nothing
    const installed = join(platform.var, 'installed')
    bound = join(platform.var, 'bound')
    for (const folder of [installed, bound]) mkdirSync(folder)
    cpSync(lpg, join(installed, 'lpg'), { recursive: true })
    const port = await freePort()
    const unit = (code, name, area) =>
      `dn: ou=${code},ou=units,dc=example\nobjectClass: organizationalUnit\nou: ${code}\ndescription:: ${Buffer.from(name).toString('base64')}\nl: ${area}\n\n`
    directory = spawn('python3', ['tests/support/slapd.py', String(port)], { stdio: ['pipe', 'pipe', 'inherit'] })
    directory.stdin.end(`dn: ou=units,dc=example\nobjectClass: organizationalUnit\nou: units\n\n${unit('longhua', '龙华区燃气办', '460106')}${unit('meilan', '美兰区燃气办', '460108')}`
      + 'dn: uid=lin.yi,ou=longhua,ou=units,dc=example\nobjectClass: inetOrgPerson\nuid: lin.yi\ncn: Lin Yi\nsn: x\nentryUUID: 00000000-0000-4000-8000-000000000001\n')
    await once(directory.stdout, 'data')
    const password = execFileSync('python3', ['-c', 'import sys; sys.path.insert(0, "tests/support"); import slapd; print(slapd.PASSWORD)'], { encoding: 'utf8' })
    await platform.serve(
      `--plugins.dirs=${installed}`, `--bindings.dirs=${bound}`, `--directory.url=ldap://127.0.0.1:${port}`,
      '--directory.bind_dn=cn=reader,dc=example', `--directory.password_file=${platform.file('reader', password)}`,
      '--directory.people_base=ou=units,dc=example', '--directory.orgs_base=ou=units,dc=example',
      '--directory.orgs_filter=(&(objectClass=organizationalUnit)(description=*))',
      '--directory.orgs_map=code=ou,name=description,kind=:gas,area=l', '--password.first_change=false')
    page = await open('boss', '/admin/')
    await page.waitForSelector(test('plugin-lpg'))
  })
  after(async () => {
    directory.kill()
    await browser.close()
    await platform.close()
  })

  it('1: enabled from a fresh store, layers, renderers, analyses, menus and catalogue are those of the manifest', async () => {
    assert.equal(await state(), 'disabled')
    await page.click(`${test('plugin-lpg')} ${test('enable')}`)
    assert.match(await page.innerText('.el-message-box'), /迁移/)
    await agree()
    await until('enabled', state, (now) => now === 'enabled')
    // The id, and what people call it.
    const shown = async (kind) => (await page.locator(`${test('plugin-lpg')} ${test(`contents-${kind}`)} code`).allInnerTexts()).map((text) => text.split(' ')[0])
    for (const kind of ['layers', 'renderers', 'analyses']) assert.deepEqual(sorted(await shown(kind)), sorted(manifest.resources[kind]), kind)
    for (const kind of ['permissions', 'roles']) assert.deepEqual(sorted(await shown(kind)), sorted(manifest[kind].map(({ id }) => id)), kind)
    await shot(page, 'day-1-enabled')

    const ids = async (who, path, key) => sorted((await good(who, path))[key].map(({ id }) => id).filter((id) => id.startsWith('lpg.')))
    const listed = async (who) => ({
      layers: await ids(who, '/collections', 'collections'),
      analyses: await ids(who, '/processes', 'processes'),
      entries: await ids(who, '/catalogue/collections/resources/items?limit=1000', 'features'),
      menus: (await good(who, '/auth/me')).functions.filter((id) => id.startsWith('lpg.')),
    })
    const spatial = readdirSync(join(lpg, 'layers')).filter((name) => name.endsWith('.json')).map((name) => JSON.parse(readFileSync(join(lpg, 'layers', name), 'utf8')))
      .filter(({ id, geometry }) => id && geometry !== 'None')
    const boss = await listed('boss')
    assert.deepEqual(boss.layers, sorted(manifest.resources.layers))
    assert.deepEqual(boss.analyses, sorted(manifest.resources.analyses))
    const entries = [...manifest.resources.layers, ...manifest.resources.analyses, ...spatial.map(({ id }) => `${id}.tiles`)]
    assert.deepEqual(boss.entries, sorted(entries), 'layers, analyses, and the tiles of what lies somewhere')
    const held = manifest.roles.filter(({ id }) => ['regulator', 'data-manager'].includes(id)).flatMap(({ functions }) => functions)
    assert.deepEqual(sorted(boss.menus), sorted(new Set(held)))
    const tiles = await good('boss', '/collections/lpg.stations/tiles')
    assert.ok(tiles.tilesets.length > 0, 'the renderer draws it')

    const bureau = await listed('bureau')
    assert.deepEqual([bureau.layers, bureau.analyses, bureau.menus], [[], [], []])
    assert.equal((await ask('bureau', '/apps/lpg/api/areas')).status, 403)
    assert.equal((await ask('bureau', '/collections/lpg.stations/items')).status, 403)
  })

  it('2: organisations come from the directory, after a report of what is different', async () => {
    await page.click(test('nav-directory'))
    await page.click(test('directory-compare'))
    await until('compared', () => page.innerText(test('directory-orgs-rows')), (text) => text.includes('龙华区燃气办') && text.includes('美兰区燃气办'))
    assert.match(await page.innerText(test('directory-people-rows')), /lin\.yi/)
    await shot(page, 'day-2-directory')
    await page.click(test('directory-apply'))
    await agree()
    await page.waitForSelector(test('directory-done'))
    const { orgs } = await good('boss', '/admin/api/orgs?q=longhua')
    assert.deepEqual(orgs.map(({ name, area }) => [name, area]), [['龙华区燃气办', '460106']])
    await good('boss', '/admin/api/users/lin.yi/password', 'POST', { password: PASSWORD })
  })

  it('2: land use, buildings, roads and population are bound', async () => {
    await page.click(test('nav-bindings'))
    for (const [role, [type, coordinates, properties]] of Object.entries(INPUTS)) {
      const file = join(bound, `${role}.geojson`)
      writeFileSync(file, JSON.stringify({ type: 'FeatureCollection', features: [{ type: 'Feature', properties: { area_code: '460106', ...properties }, geometry: { type, coordinates } }] }))
      await page.click(test(`bind-${role}`))
      await page.fill(test('binding-name'), `海口 ${role}`)
      await page.click(test('binding-kind'))
      await page.locator('.el-select-dropdown__item:visible', { hasText: '文件' }).click()
      await page.fill(test('binding-url'), file)
      await page.click(test('binding-test'))
      await until('a sample', () => page.innerText('.el-dialog:visible'), (text) => text.includes(Object.keys(properties)[0]))
      await save()
      await until(`${role} good`, () => page.innerText(test(`state-${role}`)), (text) => text.includes('正常'))
    }
    await shot(page, 'day-2-bindings')
    const { features } = await good('boss', '/collections/lpg.land-use/items')
    assert.deepEqual(features.map(({ properties }) => properties.parcel_no), ['P1'])
  })

  it('2: a county is granted to a date, and why another is denied can be read', async () => {
    const station = (no, name, area, lon, lat) => add('lpg.stations', { station_no: no, name, kind: 'supply', licence_state: 'valid', area_code: area }, { type: 'Point', coordinates: [lon, lat] })
    await station('S1', '城西站', '460106', 110.33, 20.0)
    await station('S2', '灵山站', '460108', 110.45, 19.95)
    const until_ = dayAfter(10)
    await page.click(test('nav-grants'))
    await page.click(test('grants-create'))
    await page.fill(test('grant-holder'), 'lin.yi')
    await page.click(`${test('grant-role')}:visible`)
    await page.locator('.el-select-dropdown__item:visible', { hasText: 'regulator' }).click()
    await pickArea(page, '龙华区')
    const days = page.locator('.el-dialog:visible .el-range-input')
    await days.nth(0).fill(dayAfter(-1))
    await days.nth(1).fill(until_)
    await page.keyboard.press('Enter')
    await until('the reason', async () => {
      await page.fill(test('grant-why'), '分管龙华')
      await page.waitForTimeout(200)
      return page.inputValue(test('grant-why'))
    }, (text) => text === '分管龙华')
    await shot(page, 'day-2-grant')
    await save()
    const seen = async () => (await good('lin.yi', '/collections/lpg.stations/items')).features
    const features = await seen()
    assert.deepEqual(features.map(({ properties }) => properties.name), ['城西站'])

    const elsewhere = (await good('boss', `/collections/lpg.stations/items?filter=${encodeURIComponent("name='灵山站'")}`)).features[0].id
    await page.click(test('nav-explain'))
    await page.fill(test('explain-principal'), 'lin.yi')
    await page.fill(test('explain-resource'), 'lpg.stations')
    await page.fill(test('explain-record'), String(elsewhere))
    await page.click(test('explain-ask'))
    await page.waitForSelector(test('explain-summary'))
    assert.match(await page.innerText(test('explain-summary')), /不可以/)
    assert.match(await page.innerText(test('explain-terms')), /龙华区[\s\S]*记录不在授权的区划内/)
    assert.ok((await page.innerText(test('explain-terms'))).includes(until_), 'and until when it lasts')
    await shot(page, 'day-2-why')
  })

  const FIELDS = { filling_no: '充装编号', filled_at: '充装时间', net_kg: '充装量' }
  it('22: a bureau asks for three fields of one county to a date, and reads just those with a GIS', async () => {
    for (const [area, n] of [['460107', 3], ['460105', 2]]) {
      for (let i = 0; i < n; i++) {
        await add('lpg.fillings', { filling_no: `F${area}${i}`, filled_at: new Date(Date.now() - DAY_MS).toISOString(), tag_no: `T${area}${i}`, model: 'YSP35.5', source: 'rfid', net_kg: 14.5, result: 'filled', area_code: area })
      }
    }
    const asker = await open('bureau', '/portal/')
    await asker.fill(test('records-search'), '充装记录')
    await asker.press(test('records-search'), 'Enter')
    await asker.click(test('record-lpg.fillings'))
    await asker.click(test('record-ask'))
    for (const title of Object.values(FIELDS)) {
      await asker.click(`${test('ask-fields')}:visible`)
      await asker.locator('.el-select-dropdown__item:visible', { hasText: title }).first().click()
      await asker.keyboard.press('Escape')
    }
    await pickArea(asker, '琼山区')
    await asker.fill('.el-dialog:visible .el-date-editor input', dayAfter(20))
    await asker.keyboard.press('Enter')
    await until('the reason', async () => {
      await asker.fill(test('ask-reason'), '核对当月充装量')
      return asker.innerText('.el-dialog:visible .el-input__count')
    }, (text) => text.startsWith('7'))
    await save(asker)
    await page.goto(`${platform.url}/admin/#requests`)
    await until('waiting', () => page.innerText(test('requests')), (text) => text.includes('bureau') && text.includes('琼山区'))
    await page.click(test('request-approve'))
    await page.fill(test('decision-why'), '履职所需')
    await save()
    await until('decided', () => page.innerText(test('requests')), (text) => !text.includes('bureau'))

    const { features } = await good('bureau', '/collections/lpg.fillings/items')
    assert.equal(features.length, 3)
    const told = execFileSync('ogrinfo', ['-ro', '-q', `OAPIF:${platform.url}`, 'lpg.fillings', '-al'], {
      encoding: 'utf8', env: { ...process.env, GDAL_HTTP_HEADERS: `Authorization: Bearer ${tokens.bureau}` },
    })
    assert.equal(told.match(/filling_no \(String\) = F460107/g)?.length, 3, told)
    assert.match(told, /net_kg \(Real\) = 14\.5/)
    assert.doesNotMatch(told, /F460105|T460107|YSP35|rfid/, 'no other county, no other field')
  })

  it('23: tasks go to all counties with receipts, under load, an upgrade and a kill', async () => {
    const issued = new Date().toISOString()
    const task = (no, area) => add('lpg.tasks', { task_no: no, kind: 'instruction', title: '燃气安全排查', to_department: `${COUNTIES[area]}燃气办`, issued_at: issued, state: 'open', area_code: area })
    for (const area of Object.keys(COUNTIES)) await task(`R${area}`, area)
    const { features } = await good('boss', '/collections/lpg.tasks/items')
    assert.deepEqual(sorted(features.map(({ properties }) => properties.area_code)), Object.keys(COUNTIES))
    for (const { id } of features) {
      await good('boss', `/collections/lpg.tasks/items/${id}`, 'PATCH', { type: 'Feature', properties: { state: 'accepted', receipt_at: new Date(Date.now() + 1000).toISOString() } }, 'application/merge-patch+json')
    }
    assert.equal((await good('boss', `/collections/lpg.tasks/items?filter=${encodeURIComponent("state='accepted'")}`)).numberMatched, 4)
    assert.equal((await good('lin.yi', '/collections/lpg.tasks/items')).numberMatched, 1, 'a county sees its own')

    let over = false
    const acknowledged = []
    const write = async (first) => {
      for (let n = first; !over; n += 4) {
        const area = Object.keys(COUNTIES)[n % 4]
        await task(`L${n}`, area).then(() => acknowledged.push(`L${n}`), () => new Promise((resolve) => setTimeout(resolve, 100)))
      }
    }
    const writers = [0, 1, 2, 3].map(write)
    const more = async (what) => {
      const before_ = acknowledged.length
      await until(what, async () => acknowledged.length, (n) => n > before_ + 8)
    }
    await more('written')
    await page.goto(`${platform.url}/admin/#plugins`)
    const newer = manifest.version.replace(/.$/, '9') // of the same length: it stands in the library
    await page.setInputFiles(test('bundle-file'), bundle(lpg, 'lpg', platform.var, newer))
    await page.waitForSelector(test('bundle-version'))
    await shot(page, 'day-23-upgrade')
    await save()
    await until('upgraded', async () => ((await state()) === 'enabled' ? page.innerText(`${test('plugin-lpg')} .titles p`) : ''), (text) => text.includes(newer))
    await more('written after the upgrade')

    const supervisor = platform.process.pid
    const worker = () => readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8').trim().split(' ')[0]
    const killed = worker()
    const began = Date.now()
    process.kill(Number(killed), 'SIGKILL')
    await until('another worker', async () => (await fetch(`${platform.url}/ready`).catch(() => ({}))).status === 200 && worker() !== killed, Boolean)
    console.log(`served again ${Date.now() - began} ms after kill -9`)
    await more('written after the kill')
    over = true
    await Promise.all(writers)
    const stored = new Set((await good('boss', '/collections/lpg.tasks/items?limit=10000')).features.map(({ properties }) => properties.task_no))
    assert.deepEqual(acknowledged.filter((no) => !stored.has(no)), [], 'what was acknowledged is there')
    assert.ok(acknowledged.length > 30)
    await page.reload()
    await page.waitForSelector(test('plugin-lpg'))
  })

  it('22, 23: past their date both are over, and the audit holds', async () => {
    await platform.stop()
    assert.match(platform.run('audit', 'verify'), /[1-9]\d* /)
    for (const who of Object.keys(tokens)) delete tokens[who]
    await platform.serve(`--plugins.dirs=${join(platform.var, 'installed')}`, `--clock.fixed=${dayAfter(21)}T04:00:00Z`)
    assert.equal((await ask('bureau', '/collections/lpg.fillings/items')).status, 403)
    assert.equal((await ask('lin.yi', '/collections/lpg.stations/items')).status, 403)
    assert.equal((await ask('boss', '/collections/lpg.fillings/items')).status, 200)
    assert.deepEqual(faults, [])
  })
})
