// node:https: the same as node:http, with a certificate. The paths of its key and its certificate come as arguments.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { upgrade } from 'fastws'

const [key, cert] = process.argv.slice(2).map((path) => readFileSync(path))

const echo = upgrade({ message: (conn, message) => conn.send(message) }, { path: '/echo' })

const server = createServer({ key, cert }, (_request, response) => response.end('A page\n'))
echo.attach(server)
server.listen(process.env.PORT ?? 8080, 'localhost', () => {
  console.log(`Listens at https://localhost:${server.address().port}`)
})
