import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { casesFor, GROUPS } from '../../src/tools/check/cases/index.js'
import { scriptInWords } from '../../src/tools/check/run-case.js'

/** How many cases the Autobahn test suite has in each of its groups. */
const KNOWN: Readonly<Record<string, number>> = {
  '1': 16,
  '2': 11,
  '3': 7,
  '4': 10,
  '5': 20,
  '6': 145,
  '7': 37,
  '9': 54,
  '10': 1,
  '12': 90,
  '13': 126,
}

const all = GROUPS.flatMap(({ cases }) => cases)
const inChapter = (chapter: string): number => all.filter(({ id }) => id.startsWith(`${chapter}.`)).length

describe('the cases', () => {
  test('are those of the Autobahn test suite, 517 by number, and more', () => {
    for (const [chapter, count] of Object.entries(KNOWN)) assert.equal(inChapter(chapter), count, chapter)
    assert.equal(all.filter(({ id }) => !/^[HLC]/.test(id)).length, 517)
    for (const chapter of 'HLC') assert.ok(inChapter(chapter) > 15, chapter)
  })

  test('have numbers of their own', () => {
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length)
  })

  test('test servers, clients, or both', () => {
    const [server, client] = [casesFor('server'), casesFor('client')]
    for (const one of all) assert.ok(server.includes(one) || client.includes(one), one.id)
    assert.ok(server.some((one) => !client.includes(one)))
    assert.ok(client.some((one) => !server.includes(one)))
  })

  test('can be told, step by step', () => {
    for (const one of all) {
      assert.ok(one.description.length > 3, one.id)
      for (const line of scriptInWords(one)) assert.match(line, /^[a-z].{4}/, one.id)
    }
  })
})
