import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { launch, mapReady, openMap, shot, test, until } from './lib.mjs'

/** Width and height out of the head of a PNG. */
function pngSize(bytes) {
  assert.equal(bytes.subarray(1, 4).toString(), 'PNG')
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
}

/** How many colours a picture has: one that was never drawn has one. */
function colours(page, bytes) {
  return page.evaluate(async (base64) => {
    const image = new Image()
    image.src = `data:image/png;base64,${base64}`
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = 200
    canvas.height = 120
    const ctx = canvas.getContext('2d')
    ctx.drawImage(image, 0, 0, 200, 120)
    return new Set(new Uint32Array(ctx.getImageData(0, 0, 200, 120).data.buffer)).size
  }, bytes.toString('base64'))
}

describe('picture, print and names', () => {
  let browser
  let page
  let faults
  before(async () => {
    browser = await launch()
    ;({ page, faults } = await openMap(browser, 'province', '', { deviceScaleFactor: 1 }))
  })
  after(() => browser.close())

  it('names each county once, however many parts it has', async () => {
    await page.click(test('tool-full'))
    await mapReady(page)
    const names = await until('names', () => page.evaluate(() => {
      const map = window.__lpgMap
      const found = map.queryRenderedFeatures({ layers: ['base:districts:name'] })
      return found.map((f) => f.properties.name)
    }), (list) => list.length > 5)
    assert.deepEqual([...names].sort(), [...new Set(names)].sort(), 'no name twice')
    await shot(page, 'district-names')
  })

  it('saves the map as a picture with title, source and inset', async () => {
    const box = await page.locator(test('map')).boundingBox()
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(test('tool-picture'))])
    assert.match(download.suggestedFilename(), /^海南省-企业一张图-\d{12,14}\.png$/)
    const bytes = readFileSync(await download.path())
    const [width, height] = pngSize(bytes)
    assert.equal(width, Math.round(box.width))
    assert.ok(height > box.height + 60 && height < box.height + 100, `${height} of ${box.height}`)
    assert.ok((await colours(page, bytes)) > 30, 'something is drawn')
    if (process.env.BROWSER_SHOTS) await download.saveAs(`${process.env.BROWSER_SHOTS}/picture.png`)
  })

  it('lays the map out on A4 and A3 with all that a sheet needs, and prints one page of that size', async () => {
    await page.click(test('tool-print'))
    await page.waitForSelector(`${test('print-legend')} h3`)
    await page.fill(test('print-title'), '琼岛瓶装燃气企业分布图')
    await page.fill(test('print-unit'), '海南省住房和城乡建设厅')
    assert.match(await page.innerText(`${test('sheet')} h1`), /琼岛瓶装燃气企业分布图/)
    assert.match(await page.innerText(test('print-note')), /示意图 非公开发布|审图号/)
    assert.match(await page.innerText(test('print-date')), /\d{4}-\d{2}-\d{2}|\d{4}\/\d{1,2}\/\d{1,2}/)
    assert.match(await page.innerText(test('print-by')), /海南省住房和城乡建设厅/)
    assert.match(await page.innerText(test('print-scale')), /^\d+ k?m$/)
    assert.match(await page.innerText(test('sheet')), /南海诸岛/)
    await page.waitForSelector(test('print-north'))
    const sheet = async () => {
      const box = await page.locator(test('sheet')).boundingBox()
      return Math.round((box.width / box.height) * 100) / 100
    }
    assert.equal(await sheet(), 1.41)
    for (const [size, upright, box] of [['A4', false, '841.91998 594.95996'], ['A3', true, '841.91998 1190.88']]) {
      await page.selectOption(test('print-size'), size)
      await page.setChecked(test('print-upright'), upright)
      await page.waitForTimeout(1500)
      await shot(page, `print-${size}`)
      const pdf = (await page.pdf({ preferCSSPageSize: true, printBackground: true })).toString('latin1')
      assert.equal((pdf.match(/\/Type\s*\/Page\b/g) ?? []).length, 1, 'one page')
      const media = /\/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]/.exec(pdf).slice(1).map(Number)
      box.split(' ').forEach((side, i) => assert.ok(Math.abs(media[i] - side) < 2, `${media} for ${size}`))
    }
    const asked = await page.evaluate(() => new Promise((resolve) => {
      window.print = () => resolve('print')
      document.querySelector('[data-test="print-go"]').click()
      setTimeout(() => resolve('nothing'), 2000)
    }))
    assert.equal(asked, 'print')
    await page.keyboard.press('Escape')
    await page.waitForSelector(test('print'), { state: 'detached' })
    assert.deepEqual(faults, [])
  })
})
