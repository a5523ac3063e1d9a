import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocketError } from '../../src/errors.js'
import { escapeControls, printError } from '../../src/server/print-error.js'
import { written } from './written.js'

test('printError writes one line: what, its code, and where it came from', () => {
  const text = written(() => printError(new WebSocketError('WS_ERR_STATE', 'Cannot do it')))
  assert.ok(text.startsWith('fastws: WebSocketError [WS_ERR_STATE]: Cannot do it (at '), text)
  assert.equal(text.indexOf('\n'), text.length - 1)
})

test('printError writes an error without code and stack, and nothing that commands a terminal', () => {
  const error = new Error('a\u001b[2Jb\nc')
  Object.defineProperty(error, 'stack', { value: undefined })
  assert.equal(
    written(() => printError(error)),
    'fastws: Error: a\\u001b[2Jb\\u000ac\n',
  )
})

test('escapeControls makes C0, DEL, C1, line separators and direction marks visible, and leaves the rest', () => {
  assert.equal(escapeControls('\u0000\u007f\u009b\u2028\u2029'), '\\u0000\\u007f\\u009b\\u2028\\u2029')
  assert.equal(escapeControls('\u202egnp.exe\u2066\u200b\ufeff'), '\\u202egnp.exe\\u2066\\u200b\\ufeff')
  assert.equal(escapeControls('grüße 😀'), 'grüße 😀')
})
