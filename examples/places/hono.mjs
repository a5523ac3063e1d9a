// Hono's server for Node: serve() returns an ordinary server.
import { serve } from '@hono/node-server'
import { upgrade } from 'fastws'
import { Hono } from 'hono'

const app = new Hono()
app.get('/', (context) => context.text('A page\n'))

const echo = upgrade({ message: (conn, message) => conn.send(message) }, { path: '/echo' })

const server = serve(
  { fetch: app.fetch, port: Number(process.env.PORT ?? 8080), hostname: 'localhost' },
  () => {
    console.log(`Listens at http://localhost:${server.address().port}`)
  },
)
echo.attach(server)
