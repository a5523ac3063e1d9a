// Koa 3: give its callback to a server of node:http, and attach fastws to the same server.
import { createServer } from 'node:http'
import { upgrade } from 'fastws'
import Koa from 'koa'

const app = new Koa()
app.use((context) => {
  context.body = 'A page\n'
})

const echo = upgrade({ message: (conn, message) => conn.send(message) }, { path: '/echo' })

const server = createServer(app.callback())
echo.attach(server)
server.listen(process.env.PORT ?? 8080, 'localhost', () => {
  console.log(`Listens at http://localhost:${server.address().port}`)
})
