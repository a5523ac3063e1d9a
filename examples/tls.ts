// WebSockets over TLS: an https server, and a client that trusts its certificate.
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dial, upgrade } from 'fastws'
import { escapeControls } from './escape-controls.js'

// Self-signed, for localhost, made for this example with openssl, valid until 2125. Everybody knows the key: use your own.
export const cert = `-----BEGIN CERTIFICATE-----
MIIBoDCCAUagAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyNTEyMzEyMzU5NTlaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCls4NJKOzyoEiLj
6Z/boAJziLB52AnG57x+Ty8ApY9S83QwDyC+6hMwN7Kl1FoOQsMuidmlv0p09du6
e23tJ6GjgYYwgYMwDwYDVR0TAQH/BAUwAwEB/zAsBgNVHREEJTAjgglsb2NhbGhv
c3SHBH8AAAGHEAAAAAAAAAAAAAAAAAAAAAEwDgYDVR0PAQH/BAQDAgKEMBMGA1Ud
JQQMMAoGCCsGAQUFBwMBMB0GA1UdDgQWBBROuGrpUyyoPQoSAjZWMavqIxEaRTAK
BggqhkjOPQQDAgNIADBFAiEAs13QNPCjpYbulDvbpwJ3G6uo8Xqo/Hb6r8yORd+n
g3QCIA1CwDR0uWvbvaxSny8C/ZSpumFyVuN3JDwotDgWVB1u
-----END CERTIFICATE-----`
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgelOK/gaiVRK5r2cu
jK7neGNspdXd2y4+G0q70mP+d0ehRANCAAQpbODSSjs8qBIi4+mf26ACc4iwedgJ
xue8fk8vAKWPUvN0MA8gvuoTMDeypdRaDkLDLonZpb9KdPXbuntt7Seh
-----END PRIVATE KEY-----`

const echo = upgrade(async (conn) => {
  for await (const message of conn) await conn.send(message)
})

export async function start(port: number) {
  const server = createServer({ cert, key }, echo).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `wss://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url, close } = await start(Number(process.env.PORT ?? 8443))
  // Without `ca` only certificates of the public authorities are trusted, and this one is refused.
  await dial(url).catch((error) => console.log(`Refused: ${escapeControls(error.message)}`))
  const conn = await dial(url, { tls: { ca: cert } })
  await conn.send('nobody else reads this')
  const answer = await conn.read()
  console.log(`Trusted, and answered: ${escapeControls(answer?.text() ?? 'nothing')}`)
  await conn.close()
  close()
}
