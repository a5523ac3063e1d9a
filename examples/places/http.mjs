// node:http alone: pages from a request listener of your own, WebSockets from fastws.
import { createServer } from 'node:http'
import { upgrade } from 'fastws'

const echo = upgrade({ message: (conn, message) => conn.send(message) }, { path: '/echo' })

const server = createServer((_request, response) => response.end('A page\n'))
echo.attach(server)
server.listen(process.env.PORT ?? 8080, 'localhost', () => {
  console.log(`Listens at http://localhost:${server.address().port}`)
})
