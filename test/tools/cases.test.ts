import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { casesFor, GROUPS } from '../../src/tools/check/cases/index.js'
import { scriptInWords } from '../../src/tools/check/run-case.js'

/** How many cases each group of the Autobahn test suite has: from 1 on, none is left out. */
const KNOWN: Readonly<Record<string, number>> = {
  ...{ '1.1': 8, '1.2': 8, '2': 11, '3': 7, '4.1': 5, '4.2': 5, '5': 20 },
  ...{ '6.1': 3, '6.2': 4, '6.3': 2, '6.4': 4, '6.5': 5, '6.6': 11, '6.7': 4, '6.8': 2, '6.9': 4, '6.10': 3 },
  ...{ '6.11': 5, '6.12': 8, '6.13': 5, '6.14': 10, '6.15': 1, '6.16': 3, '6.17': 5, '6.18': 5, '6.19': 5 },
  ...{ '6.20': 7, '6.21': 8, '6.22': 34, '6.23': 7 },
  ...{ '7.1': 6, '7.3': 6, '7.5': 1, '7.7': 13, '7.9': 9, '7.13': 2 },
  ...{ '9.1': 6, '9.2': 6, '9.3': 9, '9.4': 9, '9.5': 6, '9.6': 6, '9.7': 6, '9.8': 6, '10.1': 1 },
  ...{ '12.1': 18, '12.2': 18, '12.3': 18, '12.4': 18, '12.5': 18 },
  ...{ '13.1': 18, '13.2': 18, '13.3': 18, '13.4': 18, '13.5': 18, '13.6': 18, '13.7': 18 },
}

const all = GROUPS.flatMap(({ cases }) => cases)
const inChapter = (chapter: string): number => all.filter(({ id }) => id.startsWith(`${chapter}.`)).length

describe('the cases', () => {
  test('are those of the Autobahn test suite, 517 by number, and more', () => {
    const expected = Object.entries(KNOWN).flatMap(([id, count]) =>
      Array.from({ length: count }, (_, i) => `${id}.${i + 1}`),
    )
    assert.equal(expected.length, 517)
    const found = all.map(({ id }) => id).filter((id) => !/^[HLC]/.test(id))
    assert.deepEqual(found.sort(), expected.sort())
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
