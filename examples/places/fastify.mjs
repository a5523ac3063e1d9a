// Fastify 5: its server is an ordinary one, at app.server.
import Fastify from 'fastify'
import { upgrade } from 'fastws'

const app = Fastify()
app.get('/', () => 'A page\n')

const echo = upgrade({ message: (conn, message) => conn.send(message) }, { path: '/echo' })
echo.attach(app.server)
app.addHook('preClose', () => echo.close({ reason: 'restart' })) // app.close() says goodbye to them, too

await app.listen({ port: Number(process.env.PORT ?? 8080), host: 'localhost' })
console.log(`Listens at http://localhost:${app.server.address().port}`)

process.once('SIGTERM', () => app.close())
