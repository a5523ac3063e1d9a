import { test } from 'node:test'
import { openScene } from '../support/scene.js'

test('x', async (t) => {
  const scene = await openScene(t)
  const { peer } = await scene.connect()
  peer.destroy()
  await scene.aftermath({ reports: ['1006 remote WS_ERR_EOF'] })
})
test('y', async (t) => {
  const scene = await openScene(t, undefined, { secure: true })
  const { peer } = await scene.connect()
  peer.destroy()
  await scene.aftermath({ reports: ['1006 remote WS_ERR_EOF'] })
})
