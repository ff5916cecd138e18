import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { launch, shot, signIn, test, until, visit } from './lib.mjs'

const ROLE = 'lpg.control-lines'
const file = `${process.env.CIM_BINDINGS_DIRS}/control-lines.geojson`

const line = (no, kind) => ({
  type: 'Feature',
  properties: { line_no: no, kind, effect: 'prohibited', name: `黄线${no}` },
  geometry: { type: 'MultiPolygon', coordinates: [[[[110.3, 20], [110.31, 20], [110.31, 20.01], [110.3, 20.01], [110.3, 20]]]] },
})
const write = (...features) => writeFileSync(file, JSON.stringify({ type: 'FeatureCollection', features }))

describe('input roles bound to datasets in the console', () => {
  let browser
  let page
  let faults
  before(async () => {
    browser = await launch()
    ;({ page, faults } = await visit(browser, '/admin/#bindings'))
    await signIn(page, 'admin')
    await page.waitForSelector(test('bindings'))
  })
  after(() => browser.close())
  const state = () => page.innerText(test(`state-${ROLE}`))

  it('lists what can be bound, and refuses an address that nobody listed', async () => {
    assert.match(await page.innerText(test('bindings')), /控制线[^]*本平台自有记录/)
    await page.click(test(`bind-${ROLE}`))
    await page.fill(test('binding-name'), '规划院控制线')
    await page.fill(test('binding-url'), 'http://169.254.169.254/')
    await page.fill(test('binding-dataset'), 'x')
    await page.click(`${test('dialog-save')}:visible`)
    await until('refused', () => page.innerText(test('dialog-error')), (text) => /bindings\.hosts/.test(text))
    await page.locator('.el-dialog__headerbtn:visible').click()
  })

  it('tests a file, binds it, and shows how fresh the copy is', async () => {
    write(line('L1', 'yellow'), line('L2', 'green'))
    await page.click(test(`bind-${ROLE}`))
    await page.fill(test('binding-name'), '规划院控制线')
    await page.click(test('binding-kind'))
    await page.locator('.el-select-dropdown__item:visible', { hasText: '文件' }).click()
    await page.fill(test('binding-url'), file)
    await page.click(test('binding-test'))
    await until('sample', () => page.innerText(test('binding-sample')), (text) => text.includes('line_no'))
    await shot(page, 'console-binding')
    await page.click(`${test('dialog-save')}:visible`)
    await until('good', state, (text) => text.includes('正常'))
    assert.match(await page.innerText(test('bindings')), /规划院控制线[^]*2 条/)
    await shot(page, 'console-bindings')
  })

  it('says which record is wrong, and that the older copy is in use', async () => {
    write(line('L1', 'yellow'), line('L2', 'purple-ish'))
    await page.click(test(`refresh-${ROLE}`))
    await until('failing', state, (text) => text.includes('旧副本'))
    assert.match(await page.innerText(test('bindings')), /第 2 条 kind/)
    assert.match(await page.innerText(test('bindings')), /2 条/)
  })

  it('ends a binding', async () => {
    await page.click(test(`unbind-${ROLE}`))
    await page.locator('.el-popconfirm:visible .el-button--primary').click()
    await until('unbound', () => page.innerText(test('bindings')), (text) => !text.includes('规划院控制线'))
    assert.deepEqual(faults.filter((fault) => fault !== `answer: 403 /admin/api/bindings/${ROLE}`), [], 'beside the refusal above')
  })
})
