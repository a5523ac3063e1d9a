// Express 5: what upgrade() returns is a route handler, behind whatever middleware stands before it.
import express from 'express'
import { upgrade } from 'fastws'

const app = express()
app.use((request, _response, next) => {
  request.visitor = request.get('x-visitor') ?? 'somebody'
  next()
})
app.get('/', (_request, response) => response.send('A page\n'))
app.get(
  '/echo',
  upgrade(async (conn, request) => {
    await conn.send(`hello ${request.visitor}`)
    for await (const message of conn) await conn.send(message)
  }),
)

const server = app.listen(process.env.PORT ?? 8080, 'localhost', () => {
  console.log(`Listens at http://localhost:${server.address().port}`)
})
